/* names.c - see names.h. */
#include "auth/names.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { THREADS = 2, QUEUE_MAX = 64, CACHE = 1024, GOOD_SECONDS = 300, BAD_SECONDS = 10 };

struct known {
    struct net_addr client;
    int64_t until;
    char name[NAMES_TEXT];
};

struct names {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct name_job *waiting, *finished;
    size_t count; /* waiting */
    bool ending;
    int fd;
    unsigned threads;
    pthread_t ids[THREADS];
    struct known cache[CACHE]; /* by address; the owner's thread alone */
};

/* ---- the resolver ---- */

static bool leads_back(const char *name, const struct net_addr *client)
{
    const struct addrinfo hints = { .ai_family = client->family == 4 ? AF_INET : AF_INET6, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    bool found = false;
    if (getaddrinfo(name, NULL, &hints, &list) != 0)
        return false;
    for (const struct addrinfo *a = list; a && !found; a = a->ai_next) {
        struct sockaddr_storage sa = { 0 };
        memcpy(&sa, a->ai_addr, a->ai_addrlen < sizeof sa ? a->ai_addrlen : sizeof sa);
        struct net_addr there = net_addr_from_sockaddr(&sa);
        found = net_addr_same_host(&there, client);
    }
    freeaddrinfo(list);
    return found;
}

static void look_up(struct name_job *job)
{
    struct sockaddr_storage sa;
    unsigned len = net_addr_to_sockaddr(&job->client, &sa);
    char name[NAMES_TEXT];
    int err = getnameinfo((struct sockaddr *)&sa, len, name, sizeof name, NULL, 0, NI_NAMEREQD);
    if (err == EAI_NONAME || (!err && !leads_back(name, &job->client)))
        job->name[0] = 0;
    else
        memcpy(job->name, err ? NAME_UNKNOWN : name, err ? sizeof NAME_UNKNOWN : sizeof name);
}

static void *serve(void *context)
{
    struct names *n = context;
    pthread_mutex_lock(&n->lock);
    while (!n->ending) {
        struct name_job *job = n->waiting;
        if (!job) {
            pthread_cond_wait(&n->work, &n->lock);
            continue;
        }
        n->waiting = job->next;
        n->count--;
        pthread_mutex_unlock(&n->lock);
        look_up(job);
        pthread_mutex_lock(&n->lock);
        job->next = n->finished;
        n->finished = job;
        (void)!write(n->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

/* ---- the cache ---- */

static struct known *place_of(struct names *n, const struct net_addr *client)
{
    uint32_t x = client->family;
    for (size_t i = 0; i < sizeof client->ip; i++)
        x = (x ^ client->ip[i]) * 16777619u;
    return &n->cache[x % CACHE];
}

const char *names_find(struct names *n, const struct net_addr *client)
{
    struct known *k = place_of(n, client);
    return k->until > clock_ms() / 1000 && net_addr_same_host(&k->client, client) ? k->name : NULL;
}

static void remember(struct names *n, const struct name_job *job)
{
    struct known *k = place_of(n, &job->client);
    bool good = strcmp(job->name, NAME_UNKNOWN) != 0;
    k->client = job->client;
    k->until = clock_ms() / 1000 + (good ? GOOD_SECONDS : BAD_SECONDS);
    memcpy(k->name, job->name, sizeof k->name);
}

/* ---- jobs ---- */

int names_ask(struct names *n, uint64_t login, const struct net_addr *client)
{
    struct name_job *job = calloc(1, sizeof *job);
    if (!job)
        return ERR_NOMEM;
    *job = (struct name_job){ .login = login, .client = *client };
    pthread_mutex_lock(&n->lock);
    int err = n->count < QUEUE_MAX ? 0 : ERR_LIMIT;
    if (!err) {
        struct name_job **at = &n->waiting;
        while (*at)
            at = &(*at)->next;
        *at = job;
        n->count++;
        pthread_cond_signal(&n->work);
    }
    pthread_mutex_unlock(&n->lock);
    if (err)
        free(job);
    return err;
}

struct name_job *names_take(struct names *n)
{
    uint64_t ignored;
    pthread_mutex_lock(&n->lock);
    struct name_job *job = n->finished;
    if (job)
        n->finished = job->next;
    if (!n->finished)
        (void)!read(n->fd, &ignored, sizeof ignored);
    pthread_mutex_unlock(&n->lock);
    if (job)
        remember(n, job);
    return job;
}

/* ---- life ---- */

int names_new(struct names **names_out)
{
    struct names *n = calloc(1, sizeof *n);
    if (!n)
        return ERR_NOMEM;
    n->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->work, NULL);
    while (n->fd >= 0 && n->threads < THREADS && pthread_create(&n->ids[n->threads], NULL, serve, n) == 0)
        n->threads++;
    if (!n->threads) {
        names_free(n);
        return ERR_SYS;
    }
    *names_out = n;
    return 0;
}

static void free_jobs(struct name_job *job)
{
    while (job) {
        struct name_job *next = job->next;
        free(job);
        job = next;
    }
}

void names_free(struct names *n)
{
    if (!n)
        return;
    pthread_mutex_lock(&n->lock);
    n->ending = true;
    pthread_cond_broadcast(&n->work);
    pthread_mutex_unlock(&n->lock);
    while (n->threads)
        pthread_join(n->ids[--n->threads], NULL);
    free_jobs(n->waiting);
    free_jobs(n->finished);
    pthread_cond_destroy(&n->work);
    pthread_mutex_destroy(&n->lock);
    if (n->fd >= 0)
        close(n->fd);
    free(n);
}

int names_fd(const struct names *n)
{
    return n->fd;
}
