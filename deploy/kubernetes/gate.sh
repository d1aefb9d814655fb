#!/usr/bin/env bash
# Wait for the rollout, then run the gate: exit status 0 only if the gate ran and passed.
# Arguments go to kubectl, such as --namespace petsage.
set -euo pipefail
job=job/petsage-gate

kubectl "$@" rollout status deployment/petsage --timeout=10m
kubectl "$@" delete "$job" --ignore-not-found
kubectl "$@" create job petsage-gate --from=cronjob/petsage-gate
# A Job that has failed never completes: `kubectl wait` for that alone would not notice.
for _ in {1..120}; do
  ended=$(kubectl "$@" get "$job" --output 'jsonpath={.status.conditions[*].type}')
  [[ "$ended" =~ Complete|Failed ]] && break
  sleep 2
done
kubectl "$@" logs "$job" || kubectl "$@" describe "$job"
kubectl "$@" wait "$job" --for=condition=Complete --timeout=0s
