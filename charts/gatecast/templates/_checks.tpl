{{/* Combinations that cannot work are refused, all at once, before anything is changed. */}}
{{- define "gatecast.refusals" -}}
{{- $refusals := list -}}
{{- $nats := .Values.nats -}}
{{- $fleets := include "gatecast.fleetNames" . | fromJsonArray -}}

{{- if and $nats.bundled.enabled $nats.external.url -}}
{{- $refusals = append $refusals "nats.bundled.enabled and nats.external.url are both set: there is one NATS. Set nats.bundled.enabled=false to use your own." -}}
{{- end -}}
{{- if not (or $nats.bundled.enabled $nats.external.url) -}}
{{- $refusals = append $refusals "There is no NATS: set nats.bundled.enabled=true, or nats.external.url." -}}
{{- end -}}
{{- if and $nats.bundled.enabled (not (has (int $nats.bundled.replicas) (list 1 3))) -}}
{{- $refusals = append $refusals (printf "nats.bundled.replicas is %d: one server, or three (two have no majority when one is away)." (int $nats.bundled.replicas)) -}}
{{- end -}}
{{- if and $nats.bundled.enabled $nats.bundled.tls.enabled (not $nats.bundled.tls.existingSecret) -}}
{{- $refusals = append $refusals "nats.bundled.tls.enabled needs nats.bundled.tls.existingSecret, with tls.crt, tls.key and ca.crt." -}}
{{- end -}}
{{- if $nats.bundled.enabled -}}
{{- $stored := include "gatecast.storedBytes" . | int64 -}}
{{- $limit := include "gatecast.maxFileStore" . | int64 -}}
{{- if gt $stored $limit -}}
{{- $refusals = append $refusals (printf "The streams of %d fleet(s) may take %d MiB, and JetStream has %d MiB: NATS sets a stream's room aside and would refuse it. Lower the limits in storage, or raise nats.bundled.persistence.size (of volumes that are there: see UPGRADING.md)." (len $fleets) (div $stored 1048576) (div $limit 1048576)) -}}
{{- end -}}
{{- if gt $limit (include "gatecast.bytes" $nats.bundled.persistence.size | int64) -}}
{{- $refusals = append $refusals "nats.bundled.jetstream.maxFileStore is more than nats.bundled.persistence.size: the disk would be full before JetStream refuses." -}}
{{- end -}}
{{- end -}}

{{- if not $fleets -}}
{{- $refusals = append $refusals "fleets is empty: at least one fleet needs publishers." -}}
{{- else if not (has (include "gatecast.defaultFleet" .) $fleets) -}}
{{- $refusals = append $refusals (printf "configApi.defaultFleet is %q, and fleets has none of that name." .Values.configApi.defaultFleet) -}}
{{- end -}}

{{- $workloads := dict "sensorIngest" .Values.sensorIngest "encoder" .Values.encoder -}}
{{- range $name := $fleets -}}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$" $name) -}}
{{- $refusals = append $refusals (printf "fleets.%s: the name of a fleet is a DNS label of at most 40 lower-case letters, digits and hyphens." $name) -}}
{{- end -}}
{{- $_ := set $workloads (printf "fleets.%s" $name) (include "gatecast.fleetValues" (dict "root" $ "fleet" $name) | fromYaml) -}}
{{- end -}}
{{- range $path, $values := $workloads -}}
{{- $hpa := $values.autoscaling.hpa -}}
{{- $keda := $values.autoscaling.keda -}}
{{- if and $hpa.enabled $keda.enabled -}}
{{- $refusals = append $refusals (printf "%s.autoscaling: hpa and keda are both enabled, and would pull at the same Deployment. KEDA makes a HorizontalPodAutoscaler of its own." $path) -}}
{{- end -}}
{{- range $kind, $scaler := dict "hpa" $hpa "keda" $keda -}}
{{- if and $scaler.enabled (gt (int $scaler.minReplicas) (int $scaler.maxReplicas)) -}}
{{- $refusals = append $refusals (printf "%s.autoscaling.%s: minReplicas is more than maxReplicas." $path $kind) -}}
{{- end -}}
{{- if and $scaler.enabled (gt (int $scaler.maxReplicas) (int $.Values.partitions)) -}}
{{- $refusals = append $refusals (printf "%s.autoscaling.%s.maxReplicas is more than partitions (%d), which are what processes share." $path $kind (int $.Values.partitions)) -}}
{{- end -}}
{{- end -}}
{{- if and $hpa.enabled (not (or $hpa.cpuPercent $hpa.sessionsPerPod $hpa.connectedLagPerPod $hpa.extraMetrics)) -}}
{{- $refusals = append $refusals (printf "%s.autoscaling.hpa has nothing to scale by." $path) -}}
{{- end -}}
{{- if $keda.enabled -}}
{{- if not (or $keda.sessionsPerPod $keda.connectedLagPerPod $keda.extraTriggers) -}}
{{- $refusals = append $refusals (printf "%s.autoscaling.keda has nothing to scale by." $path) -}}
{{- else if and (or $keda.sessionsPerPod $keda.connectedLagPerPod) (not $keda.serverAddress) -}}
{{- $refusals = append $refusals (printf "%s.autoscaling.keda.serverAddress is empty: where is Prometheus?" $path) -}}
{{- end -}}
{{- end -}}
{{- if and (not $hpa.enabled) (not $keda.enabled) (gt (int $values.replicas) (int $.Values.partitions)) -}}
{{- $refusals = append $refusals (printf "%s.replicas is more than partitions (%d), which are what processes share." $path (int $.Values.partitions)) -}}
{{- end -}}
{{- end -}}

{{- range $path, $values := dict "configApi" .Values.configApi "sensorIngest" .Values.sensorIngest -}}
{{- if and $values.ingress.enabled (not $values.ingress.host) -}}
{{- $refusals = append $refusals (printf "%s.ingress.enabled needs %s.ingress.host." $path $path) -}}
{{- end -}}
{{- if and $values.gatewayApi.enabled (not $values.gatewayApi.parentRefs) -}}
{{- $refusals = append $refusals (printf "%s.gatewayApi.enabled needs %s.gatewayApi.parentRefs." $path $path) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.configApi.ingress.enabled .Values.sensorIngest.ingress.enabled .Values.configApi.ingress.host (eq .Values.configApi.ingress.host .Values.sensorIngest.ingress.host) (eq .Values.configApi.ingress.path .Values.sensorIngest.ingress.path) -}}
{{- $refusals = append $refusals "configApi.ingress and sensorIngest.ingress have the same host and path: give each a host of its own." -}}
{{- end -}}
{{- if and .Values.monitoring.podMonitor.enabled .Values.monitoring.serviceMonitor.enabled -}}
{{- $refusals = append $refusals "monitoring.podMonitor and monitoring.serviceMonitor are both enabled: every metric would be counted twice." -}}
{{- end -}}
{{- if gt (int .Values.secrets.sealing.active) (int .Values.secrets.sealing.generations) -}}
{{- $refusals = append $refusals "secrets.sealing.active is more than secrets.sealing.generations: publishers need a key before anything is sealed to it." -}}
{{- end -}}
{{- if gt (int .Values.secrets.sealing.oldest) (int .Values.secrets.sealing.active) -}}
{{- $refusals = append $refusals "secrets.sealing.oldest is more than secrets.sealing.active: the key that is sealed to would be gone." -}}
{{- end -}}

{{- /* Fixed at the first install: the release remembers them, and so do NATS's volumes when the release is gone. */ -}}
{{- $remembered := dig "data" dict (lookup "v1" "ConfigMap" .Release.Namespace (include "gatecast.name" (dict "root" . "component" "install")) | default dict) -}}
{{- $volume := printf "data-%s" (include "gatecast.name" (dict "root" . "component" "nats")) -}}
{{- $first := lookup "v1" "PersistentVolumeClaim" .Release.Namespace (printf "%s-0" $volume) | default dict -}}
{{- $second := lookup "v1" "PersistentVolumeClaim" .Release.Namespace (printf "%s-1" $volume) | default dict -}}
{{- range $key, $value := include "gatecast.fixedAtInstall" . | fromYaml -}}
{{- $before := get $remembered $key | default (dig "metadata" "annotations" (printf "gatecast/%s" $key) "" $first) -}}
{{- if and $before (ne $before $value) -}}
{{- $refusals = append $refusals (printf "%s was %s when this release was installed, and cannot be %s now: what is stored is made for it." $key $before $value) -}}
{{- end -}}
{{- end -}}

{{- if and $nats.bundled.enabled $nats.bundled.persistence.enabled $first -}}
{{- $servers := ternary 3 1 (not (empty $second)) -}}
{{- if ne (int $nats.bundled.replicas) $servers -}}
{{- $refusals = append $refusals (printf "nats.bundled.replicas is %d, and the volumes that are there are those of %d: a server on its own and a cluster do not take over what the other has stored (a cluster deletes it). Back up, install anew, restore (docs/deploy.md)." (int $nats.bundled.replicas) $servers) -}}
{{- end -}}
{{- end -}}

{{- if $refusals -}}
{{- fail (printf "\n\nThese values cannot work together:\n  - %s\n" (join "\n  - " $refusals)) -}}
{{- end -}}
{{- end -}}

{{- define "gatecast.fixedAtInstall" -}}
partitions: {{ .Values.partitions | toString | quote }}
leaseTtlMs: {{ .Values.leaseTtlMs | toString | quote }}
{{- end -}}
