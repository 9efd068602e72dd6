#!/bin/sh
# What teams write by hand around `argocd app wait`: its exit code is the verdict. The baseline of the benchmark.
echo "Waiting up to ${RELEASE_TIMEOUT} s for ${ARGOCD_APP_NAME} at ${ARGOCD_SERVER}"
argocd app wait "${ARGOCD_APP_NAME}" --timeout "${RELEASE_TIMEOUT}" --health --sync
code=$?
[ "${code}" -eq 0 ] && verdict=SUCCESSFUL || verdict=FAILED
printf '\n=============================================\nRELEASE %s\n=============================================\n' "${verdict}"
echo "Application: ${ARGOCD_APP_NAME}"
argocd app get "${ARGOCD_APP_NAME}" || true
[ "${code}" -eq 0 ] || argocd app resources "${ARGOCD_APP_NAME}" || true
exit "${code}"
