/* peer_socket.c - see peer_socket.h. */
#include "broker/peer_socket.h"

#include <sys/socket.h>
#include <unistd.h>

void peer_socket_init(struct peer_socket *p, int fd)
{
    *p = (struct peer_socket){ .fd = fd, .next = -1 };
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
}

/* With the lock held: let go of a dead socket that nobody uses, take up the next. */
static void renew(struct peer_socket *p)
{
    if (!p->is_dead || p->users)
        return;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = p->next;
    p->next = -1;
    p->is_dead = p->fd < 0 || p->is_stopped;
    pthread_cond_broadcast(&p->changed);
}

void peer_socket_replace(struct peer_socket *p, int fd)
{
    pthread_mutex_lock(&p->lock);
    if (p->next >= 0)
        close(p->next);
    p->next = fd;
    p->is_dead = true;
    if (p->fd >= 0)
        (void)shutdown(p->fd, SHUT_RDWR);
    renew(p);
    pthread_mutex_unlock(&p->lock);
}

void peer_socket_stop(struct peer_socket *p)
{
    pthread_mutex_lock(&p->lock);
    p->is_stopped = p->is_dead = true;
    if (p->fd >= 0)
        (void)shutdown(p->fd, SHUT_RDWR);
    renew(p);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

int peer_socket_hold(struct peer_socket *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->is_stopped && (p->fd < 0 || p->is_dead))
        pthread_cond_wait(&p->changed, &p->lock);
    int fd = p->is_stopped ? -1 : p->fd;
    p->users += fd >= 0;
    pthread_mutex_unlock(&p->lock);
    return fd;
}

int peer_socket_try_hold(struct peer_socket *p)
{
    pthread_mutex_lock(&p->lock);
    int fd = p->is_dead ? -1 : p->fd;
    if (fd >= 0)
        p->users++;
    pthread_mutex_unlock(&p->lock);
    return fd;
}

void peer_socket_release(struct peer_socket *p, bool is_closed)
{
    pthread_mutex_lock(&p->lock);
    p->users--;
    p->is_dead |= is_closed;
    renew(p);
    pthread_mutex_unlock(&p->lock);
}
