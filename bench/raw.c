/*
 * raw.c - what the kernel and OpenSSL take for the bare work: CPU seconds per GB of the side that would be the server.
 *
 * usage: raw FILE FOLDER      FILE is what is sent, FOLDER gets what is received
 *
 * Prints one line of JSON.  Each transfer is one loopback TCP connection; a child process plays the client.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, RECORD = 16384 };
static const double GB = 1 << 30;
static char buffer[MIB];

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void check(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

/* A connected pair; the child gets the far end and sends `size` bytes or reads to the end. */
static int peer(off_t size)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof in;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(!bind(listener, (void *)&in, len) && !listen(listener, 1) && !getsockname(listener, (void *)&in, &len), "listen");
    if (fork() == 0) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check(!connect(fd, (void *)&in, len), "connect");
        for (ssize_t put; size > 0 && (put = write(fd, buffer, MIB)) > 0; size -= put)
            ;
        shutdown(fd, SHUT_WR);
        while (read(fd, buffer, MIB) > 0)
            ;
        _exit(0);
    }
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
    return fd;
}

static double send_by_sendfile(int file, off_t size)
{
    int fd = peer(0);
    double before = cpu();
    for (off_t at = 0; at < size;)
        check(sendfile(fd, file, &at, MIB) > 0, "sendfile");
    double used = cpu() - before;
    close(fd);
    wait(NULL);
    return used / ((double)size / GB);
}

static double receive_by_splice(int file, off_t size)
{
    int fd = peer(size), ends[2];
    check(!pipe2(ends, O_CLOEXEC), "pipe");
    fcntl(ends[1], F_SETPIPE_SZ, MIB);
    double before = cpu();
    loff_t at = 0;
    for (ssize_t got; (got = splice(fd, NULL, ends[1], NULL, MIB, SPLICE_F_MOVE)) > 0;)
        while (got > 0) {
            ssize_t put = splice(ends[0], NULL, file, &at, (size_t)got, SPLICE_F_MOVE);
            check(put > 0, "splice");
            got -= put;
        }
    double used = cpu() - before;
    check(at == size, "length");
    close(fd);
    close(ends[0]);
    close(ends[1]);
    wait(NULL);
    return used / ((double)size / GB);
}

static double receive_by_recv(int file, off_t size)
{
    int fd = peer(size);
    double before = cpu();
    off_t at = 0;
    for (ssize_t got; (got = recv(fd, buffer, MIB, 0)) > 0; at += got)
        check(pwrite(file, buffer, (size_t)got, at) == got, "write");
    double used = cpu() - before;
    check(at == size, "length");
    close(fd);
    wait(NULL);
    return used / ((double)size / GB);
}

/* Records of 16 KiB, as TLS has them. */
static double seal(void)
{
    uint8_t key[16] = { 1 }, iv[12] = { 2 }, tag[16];
    int len;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, iv);
    double before = cpu();
    for (int i = 0; i < (1 << 30) / RECORD; i++) {
        EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv);
        EVP_EncryptUpdate(c, (uint8_t *)buffer, &len, (uint8_t *)buffer, RECORD);
        EVP_EncryptFinal_ex(c, tag, &len);
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, sizeof tag, tag);
    }
    double used = cpu() - before;
    EVP_CIPHER_CTX_free(c);
    return used;
}

int main(int argc, char **argv)
{
    int file = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    struct stat st;
    if (file < 0 || fstat(file, &st) < 0 || chdir(argv[2]) < 0) {
        fputs("usage: raw FILE FOLDER\n", stderr);
        return 1;
    }
    int out = open("raw.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(out >= 0, "raw.tmp");
    double sendfile_cost = send_by_sendfile(file, st.st_size), splice_cost = receive_by_splice(out, st.st_size);
    check(!ftruncate(out, 0), "raw.tmp"); /* new pages again, as for the first */
    double recv_cost = receive_by_recv(out, st.st_size);
    unlink("raw.tmp");
    printf("{\"sendfile\": %.4f, \"splice 1 MiB\": %.4f, \"recv+write 1 MiB\": %.4f, \"AES-128-GCM\": %.4f}\n",
           sendfile_cost, splice_cost, recv_cost, seal());
    return 0;
}
