<?php
// PHP's ftp extension: upload, list, download, rename, delete; ftp_ssl_connect when the second argument is 1.
function must($ok, string $what) { if (!$ok) { fwrite(STDERR, "$what failed\n"); exit(1); } return $ok; }

[, $port, $tls] = $argv;
$ftp = must($tls ? ftp_ssl_connect('127.0.0.1', (int)$port, 30) : ftp_connect('127.0.0.1', (int)$port, 30), 'connect');
must(ftp_login($ftp, 'anna', 'secret'), 'login');
must(ftp_pasv($ftp, true), 'pasv');
must(ftp_mkdir($ftp, 'dir') === 'dir' || true, 'mkdir');
must(ftp_chdir($ftp, 'dir'), 'chdir');
must(ftp_put($ftp, 'up.bin', 'up.bin', FTP_BINARY), 'put');
must(ftp_nlist($ftp, '.') == ['./up.bin'] || ftp_nlist($ftp, '') == ['up.bin'], 'nlist');
must(count(ftp_rawlist($ftp, '')) === 1, 'rawlist');
must(count(ftp_mlsd($ftp, '.')) >= 1, 'mlsd');
must(ftp_size($ftp, 'up.bin') === filesize('up.bin'), 'size');
must(ftp_get($ftp, 'down.bin', 'up.bin', FTP_BINARY), 'get');
must(ftp_rename($ftp, 'up.bin', 'moved.bin'), 'rename');
must(ftp_delete($ftp, 'moved.bin'), 'delete');
must(ftp_cdup($ftp), 'cdup');
must(ftp_rmdir($ftp, 'dir'), 'rmdir');
ftp_close($ftp);
