#!/usr/bin/env bash
# Builds stand-ins for the container images that compose/ and the tests name, from Debian's packages and programs of this
# machine, for where a Docker daemon runs but no registry is reached. They keep what DocuVault uses of the official images:
# variables, command line, folders, initdb.d, the programs of the probes.
#
#   docuvault-standin/base       Debian's packages below, nothing configured; a base for the vault's own image too
#   docuvault-standin/postgres   Debian's PostgreSQL      docuvault-standin/redis   Debian's redis-server
#   docuvault-standin/minio      minio and mc, as .ci/deps built them
#   docuvault-standin/nginx      Debian's nginx           docuvault-standin/python  Debian's Python with Celery
#   docuvault-standin/prometheus Debian's prometheus      docuvault-standin/golang  this machine's Go toolchain
#
# Needs a daemon that answers, apt and Go. Standard output is lines of NAME=image for the environment. What is there already
# is not built again: every image remembers what it was made from.
set -euo pipefail
cd "$(dirname "$0")"
prefix=docuvault-standin
gobin=$(go env GOBIN); [ -n "$gobin" ] || gobin=$(go env GOPATH)/bin
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
say() { printf '==> %s\n' "$*" >&2; }

packages=(base-files base-passwd bash ca-certificates coreutils dash findutils grep libc-bin nginx-light postgresql python3 celery
	prometheus python3-boto3 python3-psycopg2 python3-redis redis-server sed util-linux wget)

# stamp is what an image is made from, so that a change of it makes a new image.
stamp() { cat build.sh ./*-entrypoint.sh /etc/debian_version "$@" | sha256sum | cut -c -16; }
made() { [ "$(docker image inspect -f '{{index .Config.Labels "docuvault.standin"}}' "$prefix/$1" 2>/dev/null)" = "$2" ]; }

# base unpacks the packages and all they depend on, as far as dpkg would without running what configures them.
base() {
	local root=$work/root mark; mark=$(stamp)
	made base "$mark" && return
	say "building $prefix/base from Debian's packages"
	mkdir -p "$root"/usr/{bin,sbin,lib,lib64,local/bin} "$root"/{etc,tmp,proc,sys,dev,run,root,data} "$work/partial"
	local dir; for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$root/$dir"; done
	: >"$work/status"
	apt-get install -y -q --download-only --no-install-recommends -o Dir::State::status="$work/status" \
		-o Dir::Cache::archives="$work" -o APT::Sandbox::User=root "${packages[@]}" >"$work/log" 2>&1 || { tail "$work/log" >&2; exit 1; }
	local deb; for deb in "$work"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root"; done
	# What the packages' own scripts would have made, of that what is used.
	cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
	cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
	local id=200 user; for user in postgres redis; do
		echo "$user:x:$id:$id::/var/lib/$user:/bin/sh" >>"$root/etc/passwd"; echo "$user:x:$id:" >>"$root/etc/group"; id=$((id + 1))
	done
	mkdir -p "$root/etc/ssl/certs" && cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
	rm -rf "$root"/usr/share/{doc,man,locale,info} "$root"/etc/nginx/sites-enabled
	chmod 1777 "$root/tmp"
	ldconfig -r "$root"
	tar -C "$root" -c . | docker import -c "LABEL docuvault.standin=$mark" \
		-c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$prefix/base" >/dev/null
}

# image NAME FILES...: the lines on standard input on top of the base, with files to copy.
image() {
	local name=$1 ctx=$work/$1 mark; shift
	mkdir -p "$ctx"
	{ echo "FROM $prefix/base"; cat; } >"$ctx/Dockerfile"
	mark=$(stamp "$ctx/Dockerfile" $(for f in "$@"; do [ -d "$f" ] || echo "$f"; done))
	made "$name" "$mark" && return
	say "building $prefix/$name"
	[ $# -eq 0 ] || cp -a "$@" "$ctx/"
	DOCKER_BUILDKIT=0 docker build -q --label "docuvault.standin=$mark" -t "$prefix/$name" "$ctx" >/dev/null 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
}

[ -x "$gobin/minio" ] && [ -x "$gobin/mc" ] || { echo "error: no minio and mc in $gobin: run .ci/deps containers" >&2; exit 1; }
base
image postgres postgres-entrypoint.sh <<'D'
ENV PGDATA=/var/lib/postgresql/data
RUN ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ && mkdir -p /docker-entrypoint-initdb.d $PGDATA /var/run/postgresql && chown postgres: $PGDATA /var/run/postgresql
COPY postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
EXPOSE 5432
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
D
image redis redis-entrypoint.sh <<'D'
RUN chown redis: /data
WORKDIR /data
COPY redis-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
EXPOSE 6379
VOLUME /data
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
D
image minio "$gobin/minio" "$gobin/mc" <<'D'
COPY minio mc /usr/bin/
EXPOSE 9000 9001
VOLUME /data
ENTRYPOINT ["minio"]
D
image nginx <<'D'
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
D
image prometheus <<'D'
RUN mkdir /prometheus && chown nobody: /prometheus
USER nobody
EXPOSE 9090
VOLUME /prometheus
ENTRYPOINT ["/usr/bin/prometheus"]
D
image python <<'D'
CMD ["python3"]
D
go_version=$work/go-version; go version >"$go_version"
image golang "$(go env GOROOT)" "$go_version" <<D
COPY $(basename "$(go env GOROOT)") /usr/local/go
ENV PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin GOTOOLCHAIN=local
D
cat <<LINES
POSTGRES_IMAGE=$prefix/postgres
REDIS_IMAGE=$prefix/redis
MINIO_IMAGE=$prefix/minio
MC_IMAGE=$prefix/minio
NGINX_IMAGE=$prefix/nginx
PROMETHEUS_IMAGE=$prefix/prometheus
PYTHON_IMAGE=$prefix/python
GO_IMAGE=$prefix/golang
BASE_IMAGE=$prefix/base
LINES
