/* cert_names.c - the subjects of certificates, as a server names the CAs whose clients it knows. */
#include "tls/cert_priv.h"

static bool add_subject(X509 *cert, size_t max, struct text *names)
{
    unsigned char *der = NULL;
    int len = i2d_X509_NAME(X509_get_subject_name(cert), &der);
    bool fits = len > 0 && names->len + (size_t)len <= max;
    if (fits && !(names->len && memmem(names->ptr, names->len, der, (size_t)len)))
        text_add(names, slice_of((const char *)der, (size_t)len));
    OPENSSL_free(der);
    return fits;
}

bool cert_add_subjects(struct slice file, size_t max, struct text *names)
{
    const unsigned char *at = (const unsigned char *)file.ptr;
    bool all = true;
    X509 *cert = file.len ? d2i_X509(NULL, &at, (long)file.len) : NULL;
    if (cert) {
        all = add_subject(cert, max, names);
        X509_free(cert);
    } else {
        BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
        while (bio && (cert = PEM_read_bio_X509(bio, NULL, NULL, ""))) {
            all &= add_subject(cert, max, names);
            X509_free(cert);
        }
        BIO_free(bio);
    }
    ERR_clear_error();
    return all;
}
