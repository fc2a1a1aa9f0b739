# Stand-ins for the images that docker/Dockerfile.* name, for machines that reach no image registry: the same files at
# the same places, from Debian packages and from what the set-up has made already. Contexts besides the empty main one:
# packages and older-packages (of an unpacked Debian), bun-program, rclone-program, mongo-program (folders that hold it), host-ca (certificates).
ARG SITE

# Unpacked packages are no system yet: apt installs them over themselves, which runs their scripts too.
FROM scratch AS unpacked
COPY --from=packages / /
ARG SITE
RUN cp /usr/share/base-passwd/passwd.master /etc/passwd && cp /usr/share/base-passwd/group.master /etc/group \
 && ln -s mawk /usr/bin/awk && ln -s perl /usr/bin/perl5 \
 && mkdir -p /var/lib/dpkg/updates /var/lib/dpkg/info /var/lib/apt/lists/partial /var/cache/apt/archives/partial /var/log/apt \
 && touch /var/lib/dpkg/status \
 && printf '%s\n' 'path-exclude /usr/share/man/*' 'path-exclude /usr/share/locale/*' 'path-exclude /usr/share/doc/*' \
      'path-include /usr/share/doc/*/copyright' >/etc/dpkg/dpkg.cfg.d/slim \
 && printf '%s\n' 'Acquire::Languages "none";' 'Acquire::Check-Valid-Until "false";' 'APT::Install-Recommends "false";' \
      'APT::Sandbox::User "root";' >/etc/apt/apt.conf.d/stand-in \
 && echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $SITE trixie main" >/etc/apt/sources.list \
 && export DEBIAN_FRONTEND=noninteractive && apt-get update -q && apt-get install -qy libc6 dpkg '?essential' apt debian-archive-keyring \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /usr/bin/perl5

FROM scratch AS debian
COPY --from=unpacked / /
CMD ["bash"]

FROM debian AS bun
COPY --from=bun-program /bun /usr/local/bin/bun
# Where a company's proxy signs HTTPS anew, only the machine's own list of authorities knows it.
COPY --from=host-ca /ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt

FROM scratch AS rclone
COPY --from=rclone-program /rclone /usr/local/bin/rclone

FROM debian AS trixie
RUN --mount=type=cache,id=trixie,sharing=locked,target=/var/lib/apt/lists apt-get update -q && rm -rf /var/cache/apt/*

FROM debian AS sid
ARG SITE
RUN echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $SITE sid main" >>/etc/apt/sources.list
RUN --mount=type=cache,id=sid,sharing=locked,target=/var/lib/apt/lists apt-get update -q && rm -rf /var/cache/apt/*

FROM trixie AS postgres-17
RUN --mount=type=cache,id=trixie,sharing=locked,target=/var/lib/apt/lists apt-get install -qy postgresql-client-17 && rm -rf /var/cache/apt/* /var/log/*

# Of unstable, whose C library is newer than that of Debian 13.
FROM sid AS postgres-18
RUN --mount=type=cache,id=sid,sharing=locked,target=/var/lib/apt/lists apt-get install -qy postgresql-client-18 && rm -rf /var/cache/apt/* /var/log/*

FROM sid AS mysql
RUN --mount=type=cache,id=sid,sharing=locked,target=/var/lib/apt/lists apt-get install -qy mysql-client-core && rm -rf /var/cache/apt/* /var/log/*

FROM trixie AS mariadb
RUN --mount=type=cache,id=trixie,sharing=locked,target=/var/lib/apt/lists apt-get install -qy mariadb-client && rm -rf /var/cache/apt/* /var/log/*

FROM trixie AS redis
RUN --mount=type=cache,id=trixie,sharing=locked,target=/var/lib/apt/lists apt-get install -qy redis-tools && rm -rf /var/cache/apt/* /var/log/* \
 && mv /usr/bin/redis-cli /usr/local/bin/

FROM debian AS mongo
COPY --from=mongo-program /mongodump /usr/bin/mongodump

# Unpacked only, of a Debian whose C library is older than Debian 13's, and whose /bin and /lib are no links.
FROM scratch AS mariadb-older
COPY --from=older-packages / /
SHELL ["/bin/dash", "-c"]
RUN ln -sf dash /bin/sh && ln -sf mawk /usr/bin/awk
SHELL ["/bin/sh", "-c"]
