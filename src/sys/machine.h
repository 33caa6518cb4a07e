/* machine.h - the name of this computer as Windows would spell it: what stands in front of the names of its accounts. */
#pragma once

enum { MACHINE_NAME = 256 };

/* Upper case, without its domain; "" when it has none. */
void machine_name(char name_out[MACHINE_NAME]);
