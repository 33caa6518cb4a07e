/* peer_socket.c - see peer_socket.h. */
#include "broker/peer_socket.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

struct peer_end {
    struct peer_end *next;
    int fd;
    unsigned users;
    bool is_dead;
};

/* With the lock held. */
static void add(struct peer_socket *p, int fd)
{
    struct peer_end *end = memory_await(NULL, sizeof *end);
    *end = (struct peer_end){ .next = p->ends, .fd = fd };
    p->ends = end;
    pthread_cond_broadcast(&p->changed);
}

void peer_socket_init(struct peer_socket *p, int fd)
{
    *p = (struct peer_socket){ 0 };
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    if (fd >= 0)
        add(p, fd);
}

/* With the lock held: let go of dead ones that nobody uses. */
static void close_dead(struct peer_socket *p)
{
    for (struct peer_end **at = &p->ends, *end; (end = *at);) {
        if (!end->is_dead || end->users) {
            at = &end->next;
            continue;
        }
        *at = end->next;
        close(end->fd);
        free(end);
    }
}

/* With the lock held. */
static void end_all(struct peer_socket *p)
{
    for (struct peer_end *end = p->ends; end; end = end->next) {
        end->is_dead = true;
        (void)shutdown(end->fd, SHUT_RDWR);
    }
    close_dead(p);
}

void peer_socket_replace(struct peer_socket *p, int fd)
{
    pthread_mutex_lock(&p->lock);
    end_all(p);
    add(p, fd);
    pthread_mutex_unlock(&p->lock);
}

void peer_socket_stop(struct peer_socket *p)
{
    pthread_mutex_lock(&p->lock);
    p->is_stopped = true;
    end_all(p);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

/* With the lock held. */
static int hold(struct peer_socket *p)
{
    struct peer_end *newest = p->ends;
    if (p->is_stopped || !newest || newest->is_dead)
        return -1;
    newest->users++;
    return newest->fd;
}

int peer_socket_hold(struct peer_socket *p)
{
    int fd;
    pthread_mutex_lock(&p->lock);
    while ((fd = hold(p)) < 0 && !p->is_stopped)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return fd;
}

int peer_socket_try_hold(struct peer_socket *p)
{
    pthread_mutex_lock(&p->lock);
    int fd = hold(p);
    pthread_mutex_unlock(&p->lock);
    return fd;
}

void peer_socket_release(struct peer_socket *p, int fd, bool is_closed)
{
    pthread_mutex_lock(&p->lock);
    for (struct peer_end *end = p->ends; end; end = end->next)
        if (end->fd == fd) {
            end->users--;
            end->is_dead |= is_closed;
        }
    close_dead(p);
    pthread_mutex_unlock(&p->lock);
}
