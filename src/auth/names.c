/* names.c - see names.h. */
#include "auth/names.h"

#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"

enum { THREADS = 2, QUEUE_MAX = 64, CACHE = 1024, GOOD_SECONDS = 300, BAD_SECONDS = 10 };

struct known {
    struct net_addr client;
    int64_t until;
    char name[NAMES_TEXT];
};

struct names {
    struct errands *errands;
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

static void look_up(void *context, struct errand *errand)
{
    struct name_job *job = (struct name_job *)errand;
    (void)context;
    struct sockaddr_storage sa;
    unsigned len = net_addr_to_sockaddr(&job->client, &sa);
    char name[NAMES_TEXT];
    int err = getnameinfo((struct sockaddr *)&sa, len, name, sizeof name, NULL, 0, NI_NAMEREQD);
    if (err == EAI_NONAME || (!err && !leads_back(name, &job->client)))
        job->name[0] = 0;
    else
        memcpy(job->name, err ? NAME_UNKNOWN : name, err ? sizeof NAME_UNKNOWN : sizeof name);
}

static void drop(void *context, struct errand *errand)
{
    (void)context;
    free(errand);
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
    int err = errands_add(n->errands, &job->errand);
    if (err)
        free(job);
    return err;
}

struct name_job *names_take(struct names *n)
{
    struct name_job *job = (struct name_job *)errands_take(n->errands);
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
    const struct errands_options options = { .run = look_up, .drop = drop, .threads = THREADS, .queue_max = QUEUE_MAX };
    int err = errands_new(&options, &n->errands);
    if (err)
        names_free(n);
    else
        *names_out = n;
    return err;
}

void names_free(struct names *n)
{
    if (!n)
        return;
    errands_free(n->errands);
    free(n);
}

int names_fd(const struct names *n)
{
    return errands_fd(n->errands);
}
