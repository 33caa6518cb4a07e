/* link.c - see link.h. */
#include "broker/link.h"

#include <sys/socket.h>
#include <unistd.h>

void link_init(struct link *l, int fd)
{
    *l = (struct link){ .fd = fd, .next = -1 };
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
}

/* With the lock held: let go of a dead socket that nobody uses, take up the next. */
static void renew(struct link *l)
{
    if (!l->is_dead || l->users)
        return;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = l->next;
    l->next = -1;
    l->is_dead = l->fd < 0 || l->is_stopped;
    pthread_cond_broadcast(&l->changed);
}

void link_replace(struct link *l, int fd)
{
    pthread_mutex_lock(&l->lock);
    if (l->next >= 0)
        close(l->next);
    l->next = fd;
    l->is_dead = true;
    if (l->fd >= 0)
        (void)shutdown(l->fd, SHUT_RDWR);
    renew(l);
    pthread_mutex_unlock(&l->lock);
}

void link_stop(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    l->is_stopped = l->is_dead = true;
    if (l->fd >= 0)
        (void)shutdown(l->fd, SHUT_RDWR);
    renew(l);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

int link_hold(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    while (!l->is_stopped && (l->fd < 0 || l->is_dead))
        pthread_cond_wait(&l->changed, &l->lock);
    int fd = l->is_stopped ? -1 : l->fd;
    l->users += fd >= 0;
    pthread_mutex_unlock(&l->lock);
    return fd;
}

int link_try_hold(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    int fd = l->is_dead ? -1 : l->fd;
    if (fd >= 0)
        l->users++;
    pthread_mutex_unlock(&l->lock);
    return fd;
}

void link_release(struct link *l, bool is_closed)
{
    pthread_mutex_lock(&l->lock);
    l->users--;
    l->is_dead |= is_closed;
    renew(l);
    pthread_mutex_unlock(&l->lock);
}
