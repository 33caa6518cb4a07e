/* prepare.c - what OpenSSL makes at its first use, made early. */
#include "tls/pool.h"
#include "tls/tls_priv.h"

#include <openssl/decoder.h>
#include <openssl/kdf.h>

#define KINDS(X)                                                                                                     \
    X(EVP_MD) X(EVP_CIPHER) X(EVP_MAC) X(EVP_KDF) X(EVP_KEYMGMT) X(EVP_KEYEXCH) X(EVP_SIGNATURE) X(EVP_RAND) X(OSSL_DECODER)

#define IGNORE(kind)                                 \
    static void ignore_##kind(kind *made, void *unused) \
    {                                                \
        (void)made, (void)unused;                    \
    }
KINDS(IGNORE)

/* A provider is asked once for each kind; what could not be kept then is taken for something it does not have. */
void tls_prepare(void)
{
    static bool done;
    uint8_t byte;
    if (done)
        return;
    done = true;
    tls_pool_await(true);
    (void)RAND_bytes(&byte, sizeof byte);
    (void)RAND_priv_bytes(&byte, sizeof byte);
#define MAKE(kind) kind##_do_all_provided(NULL, ignore_##kind, NULL);
    KINDS(MAKE)
    SSL_CTX_free(SSL_CTX_new(TLS_server_method()));
    ERR_clear_error();
    tls_pool_await(false);
}
