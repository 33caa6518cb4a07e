/*
 * disk.h - what was fetched, as it was fetched, in one file that outlives the program.
 *
 * The program that judges certificates opens no file: it is handed a descriptor of this one, and of nothing else.  What is
 * read back is believed no more than what a server sends: whoever asks parses it and checks its signature again.
 *
 *   header  "SPREVOC1", epoch, 0            records one after the other, each with the epoch, lengths, SHA-256 of it all
 *
 * Records are appended; a torn or foreign one ends the list.  A full file begins anew with the next epoch, and with the newest
 * records of the one before, a key's last each.  Thread-safe.
 */
#pragma once

#include "pki/cache.h"

enum { PKI_DISK_RECORD_MAX = 32 * 1024 * 1024 };

struct pki_disk;

/* `fd` stays the caller's; `size_max` in bytes.  What is in the file is found, and nothing of it read yet.  ERR_NOMEM, ERR_SYS. */
MUST_USE int pki_disk_open(int fd, size_t size_max, struct pki_disk **disk_out);
void pki_disk_close(struct pki_disk *d); /* NULL is fine */

/* The newest record of the key, and when it was fetched; ERR_NOT_FOUND, ERR_SYNTAX (damaged), ERR_TOO_LONG (more than `max`
 * bytes), ERR_NOMEM. */
MUST_USE int pki_disk_get(struct pki_disk *d, const struct pki_key *key, size_t max, struct text *bytes_out, int64_t *fetched_out);
/* It turned out to be of no use. */
void pki_disk_forget(struct pki_disk *d, const struct pki_key *key);
/* Append; a failure (a full disk) costs the record, nothing else. */
void pki_disk_put(struct pki_disk *d, const struct pki_key *key, struct slice bytes, int64_t fetched);
