#!/bin/sh
# Redis with the password of the Secret, which appears neither in arguments nor in the environment.
set -eu
umask 077
cat /etc/topgun/redis.conf >/run/redis/redis.conf
password=$(sed 's/[\\"]/\\&/g' /run/secrets/topgun/redis/password)
printf 'requirepass "%s"\n' "$password" >>/run/redis/redis.conf
exec redis-server /run/redis/redis.conf
