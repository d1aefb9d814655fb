#!/usr/bin/env bash
# Waits for the rollout, then runs the gate. The exit status is 0 only if the gate ran and passed.
# Passes its arguments to kubectl, such as --namespace petsage.
set -euo pipefail
job=job/petsage-gate

kubectl "$@" rollout status deployment/petsage --timeout=10m
kubectl "$@" delete "$job" --ignore-not-found
kubectl "$@" create job petsage-gate --from=cronjob/petsage-gate
# `kubectl wait --for=condition=Complete` alone would not notice that the Job has failed.
for _ in {1..120}; do
  conditions=$(kubectl "$@" get "$job" --output 'jsonpath={.status.conditions[*].type}')
  [[ "$conditions" =~ Complete|Failed ]] && break
  sleep 2
done
kubectl "$@" logs "$job" || kubectl "$@" describe "$job"
kubectl "$@" wait "$job" --for=condition=Complete --timeout=0s
