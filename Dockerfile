# The image of the release job. Works with the classic builder and with BuildKit; the classic one needs
# --build-arg TARGETARCH=amd64 (or arm64), which BuildKit sets by itself.
#
# Everything from outside can come from elsewhere, for mirrors and networks without the internet:
#   BASE              a Debian trixie image
#   ARGOCD_SOURCE     a URL, or a folder of the build context, with argocd-linux-amd64 and -arm64
#   ARGOCD_LICENSE    a URL, or a file of the build context: the license of argocd
#   PIP_INDEX_URL     a package index (pip's own variable)
#   APT_MIRROR        a Debian mirror, with the packages that it has now
#
# Two builds of a commit have the same files: Debian's packages come from the archive of one day (APT_SNAPSHOT; if it is
# empty, from the sources of the base image), and no file is newer than SOURCE_DATE_EPOCH.
# bin/update_pins refreshes the digest, the day and the checksums.
ARG APT_SNAPSHOT=20261128T000000Z
ARG SOURCE_DATE_EPOCH=1795824000
ARG BASE=debian:trixie-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f

# --- the argocd binary, checked --------------------------------------------------------------------------------------
FROM ${BASE} AS argocd
ARG TARGETARCH
ARG SOURCE_DATE_EPOCH
ARG ARGOCD_VERSION=v2.13.2
ARG ARGOCD_SOURCE=https://github.com/argoproj/argo-cd/releases/download/v2.13.2
ARG ARGOCD_SHA256_AMD64=5a10d1ebc4b903c9cb56279f66ec983134c87c252d9a9d2596dde9867359ef67
ARG ARGOCD_SHA256_ARM64=5d7ab2e2d667664f5522e76b25e92b46aaad13f9d5bee6c3fd0f17dea9ad9e66
ARG ARGOCD_LICENSE=https://raw.githubusercontent.com/argoproj/argo-cd/v2.13.2/LICENSE
ARG ARGOCD_LICENSE_SHA256=c996fc213c94f4a4a838407d355b081226caa7b103a4f239bb87fb8f1d8e3a60
ADD ${ARGOCD_SOURCE}/argocd-linux-${TARGETARCH} /argocd
ADD ${ARGOCD_LICENSE} /copyright
RUN set -eu; \
    case "${TARGETARCH}" in \
      amd64) sum="${ARGOCD_SHA256_AMD64}" ;; \
      arm64) sum="${ARGOCD_SHA256_ARM64}" ;; \
      *) echo "TARGETARCH is '${TARGETARCH}', must be amd64 or arm64" >&2; exit 1 ;; \
    esac; \
    { echo "${sum}  /argocd"; echo "${ARGOCD_LICENSE_SHA256}  /copyright"; } | sha256sum --check --strict; \
    chmod 0755 /argocd; chmod 0644 /copyright; \
    touch --date="@${SOURCE_DATE_EPOCH}" /argocd /copyright

# --- Debian with Python, and nothing that no job needs ---------------------------------------------------------------
FROM ${BASE} AS system
ARG APT_MIRROR=
ARG APT_SNAPSHOT
ARG SOURCE_DATE_EPOCH
RUN set -eu; \
    sources=$(find /etc/apt -name '*.sources' -o -name 'sources.list'); \
    if [ -n "${APT_MIRROR}" ]; then \
      sed -i -r "s#https?://deb.debian.org/debian#${APT_MIRROR}#" $sources; \
    elif [ -n "${APT_SNAPSHOT}" ]; then \
      sed -i -r "s#https?://deb.debian.org/(debian|debian-security)/?( |\$)#http://snapshot.debian.org/archive/\1/${APT_SNAPSHOT}\2#" $sources; \
      # The index of an old day has expired. Its signature is still checked.
      echo 'Acquire::Check-Valid-Until "false";' > /etc/apt/apt.conf.d/99snapshot; \
    fi; \
    apt-get update -qq; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates python3 > /dev/null; \
    useradd --system --uid 10001 --gid 0 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin argocd-release

FROM system AS slim
ARG SOURCE_DATE_EPOCH
COPY LICENSE NOTICE /usr/share/doc/argocd-release/
# Remove documentation, translations, caches, the parts of Python for its own developers, and every setuid bit. Keep the
# copyright files, because the licenses of Debian's packages ask for them.
RUN set -eu; \
    find /usr/share/doc -type f ! -name copyright ! -path '*/argocd-release/*' -delete; \
    find /usr/share/doc -mindepth 1 '(' -type d -empty -o -xtype l ')' -delete; \
    rm -rf /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian /usr/share/gcc \
      /usr/lib/*/gconv /usr/lib/*/perl-base/unicore /usr/lib/python3*/idlelib /usr/lib/python3*/pydoc_data \
      /usr/lib/python3*/turtledemo /var/lib/apt/lists /var/cache/apt /var/cache/debconf /var/cache/ldconfig /var/log /var/tmp \
      /etc/apt/apt.conf.d/99snapshot; \
    mkdir -p -m 1777 /var/tmp; \
    find / -xdev -perm /6000 -type f -exec chmod a-s {} +; \
    # BuildKit mounts these two files read-only during a build. They are not in the image.
    find / -xdev -newermt "@${SOURCE_DATE_EPOCH}" ! -path /etc/hosts ! -path /etc/resolv.conf \
      -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

# --- the package, from uv.lock: uv only writes down what it pins, pip installs it --------------------------------------
FROM system AS package
ARG SOURCE_DATE_EPOCH
RUN DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-pip python3-venv > /dev/null
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
ARG PIP_INDEX_URL
COPY bin/uv.txt /src/bin/
RUN python3 -m venv --without-pip /opt/argocd-release && python3 -m venv /opt/build \
 && /opt/build/bin/pip install --quiet --no-deps --require-hashes -r /src/bin/uv.txt
COPY pyproject.toml uv.lock README.md LICENSE NOTICE /src/
RUN set -eu; \
    export="/opt/build/bin/uv export --project /src --quiet --frozen --no-emit-project"; \
    $export > /src/runtime.txt; \
    $export --only-group build > /src/build.txt; \
    pip="python3 -m pip --python"; options="install --quiet --no-deps --no-compile --require-hashes"; \
    $pip /opt/argocd-release/bin/python $options -r /src/runtime.txt; \
    $pip /opt/build/bin/python $options -r /src/build.txt
COPY plugin /src/plugin
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel /src \
 && python3 -m pip --python /opt/argocd-release/bin/python install --quiet --no-deps --no-compile --no-index /wheel/*.whl \
 # Bytecode contains the time of its source, except in this mode, and sets in the order of their hashes. -f: pip imports
 # attr, and Python then writes the usual bytecode.
 && PYTHONHASHSEED=0 /opt/argocd-release/bin/python -m compileall -q -f --invalidation-mode unchecked-hash \
    /opt/argocd-release/lib \
 && find /opt/argocd-release -newermt "@${SOURCE_DATE_EPOCH}" \
    -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

# --- the image: what changes least comes first -----------------------------------------------------------------------
FROM scratch
COPY --from=slim / /
COPY --from=argocd /argocd /usr/local/bin/argocd
COPY --from=argocd /copyright /usr/share/doc/argocd/copyright
COPY --from=package /opt/argocd-release /opt/argocd-release
ENV PATH=/opt/argocd-release/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:0
# No ENTRYPOINT: GitLab's runner gives a shell command, and an entrypoint would be given it as arguments.
CMD ["argocd-release"]
ARG BASE
ARG ARGOCD_VERSION=v2.13.2
ARG VERSION=0.2.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="argocd-release" \
      org.opencontainers.image.description="Tells a GitLab pipeline whether its commit runs healthy in the cluster, and if not, why" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${BASE}" \
      com.github.argoproj.argocd.version="${ARGOCD_VERSION}"
