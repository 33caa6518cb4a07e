#!/bin/sh
# archive.sh OUTPUT WORKDIR COMPILER... -- PARTS...: one archive of one object, made of what management_parts needs of the other parts.
set -eu
output=$1 work=$2
shift 2
compiler=
while [ "$1" != -- ]; do
    compiler="$compiler $1"
    shift
done
shift
whole=$1
shift
mkdir -p "$work"
# With -flto the parts hold no machine code yet; gcc has to be told that the result must.
case $($compiler --version) in
*clang*) final= ;;
*) final=-flinker-output=nolto-rel ;;
esac
# shellcheck disable=SC2086
$compiler -r -nostdlib $final -o "$work/all.o" -Wl,--whole-archive "$whole" -Wl,--no-whole-archive \
    -Wl,--start-group "$@" -Wl,--end-group
objcopy --wildcard --keep-global-symbol='sp_*' "$work/all.o"
rm -f "$output"
ar rcs "$output" "$work/all.o"
