{{/* Settings of the services, as YAML maps of variables. */}}

{{/* What all four have: `root`, `component`. */}}
{{- define "gatecast.commonEnv" -}}
{{- $values := .root.Values -}}
GATECAST_INSTANCE:
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
GATECAST_NATS_URL: {{ include "gatecast.natsUrl" .root | quote }}
{{- if include "gatecast.natsUsersSecret" .root }}
GATECAST_NATS_USER: {{ .component }}
GATECAST_NATS_PASSWORD_FILE: /etc/gatecast/secrets/nats-password
{{- end }}
{{- if include "gatecast.natsCa" .root }}
GATECAST_NATS_CA_FILE: /etc/gatecast/secrets/nats-ca.crt
{{- end }}
GATECAST_PARTITIONS: {{ $values.partitions | toString | quote }}
GATECAST_LOG_LEVEL: {{ $values.logLevel }}
{{ include "gatecast.telemetryEnv" .root }}
{{- end -}}

{{- define "gatecast.telemetryEnv" -}}
{{- $telemetry := .Values.telemetry -}}
{{- if $telemetry.otlp.endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ $telemetry.otlp.endpoint | quote }}
OTEL_EXPORTER_OTLP_PROTOCOL: {{ $telemetry.otlp.protocol | quote }}
OTEL_TRACES_SAMPLER: {{ $telemetry.sampler | quote }}
{{- if not (kindIs "invalid" $telemetry.samplerArg) }}
OTEL_TRACES_SAMPLER_ARG: {{ $telemetry.samplerArg | toString | quote }}
{{- end }}
{{- with $telemetry.otlp.headersSecret }}
{{- if .name }}
OTEL_EXPORTER_OTLP_HEADERS:
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- $attributes := list (printf "k8s.namespace.name=%s" .Release.Namespace) }}
{{- range $name, $value := $telemetry.resourceAttributes }}
{{- $attributes = append $attributes (printf "%s=%s" $name ($value | toString)) }}
{{- end }}
OTEL_RESOURCE_ATTRIBUTES: {{ join "," $attributes | quote }}
{{- end }}
{{- end -}}

{{/* NATS as the services reach it. */}}
{{- define "gatecast.natsUrl" -}}
{{- if .Values.nats.bundled.enabled -}}
{{- $name := include "gatecast.name" (dict "root" . "component" "nats") -}}
{{- $urls := list -}}
{{- if eq (int .Values.nats.bundled.replicas) 1 -}}
{{- $urls = append $urls (printf "nats://%s:4222" $name) -}}
{{- else -}}
{{- range $i := until (int .Values.nats.bundled.replicas) -}}
{{- $urls = append $urls (printf "nats://%s-%d.%s-headless:4222" $name $i $name) -}}
{{- end -}}
{{- end -}}
{{- join "," $urls -}}
{{- else -}}
{{- .Values.nats.external.url -}}
{{- end -}}
{{- end -}}

{{/* Name of the Secret with a password for each user; empty without one. */}}
{{- define "gatecast.natsUsersSecret" -}}
{{- if not .Values.nats.bundled.enabled -}}
{{- .Values.nats.external.existingSecret -}}
{{- else -}}
{{- .Values.secrets.natsUsers.existingSecret | default (include "gatecast.name" (dict "root" . "component" "nats-users")) -}}
{{- end -}}
{{- end -}}

{{/* Secret and key of the CA that NATS is trusted by, as YAML; empty without one. */}}
{{- define "gatecast.natsCa" -}}
{{- if .Values.nats.bundled.enabled -}}
{{- if .Values.nats.bundled.tls.enabled -}}
secret: {{ .Values.nats.bundled.tls.existingSecret }}
key: ca.crt
{{- end -}}
{{- else if .Values.nats.external.caSecret.name -}}
secret: {{ .Values.nats.external.caSecret.name }}
key: {{ .Values.nats.external.caSecret.key }}
{{- end -}}
{{- end -}}

{{/* Files that the connection to NATS needs: `root`, `component`. */}}
{{- define "gatecast.natsSecrets" -}}
{{- with include "gatecast.natsUsersSecret" .root }}
nats-password:
  secret: {{ . }}
  key: {{ $.component }}
{{- end }}
{{- with include "gatecast.natsCa" .root }}
nats-ca.crt: {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Copies of every stream and bucket. */}}
{{- define "gatecast.streamReplicas" -}}
{{- if .Values.nats.bundled.enabled -}}
{{- .Values.nats.bundled.replicas -}}
{{- else -}}
{{- .Values.nats.external.replicas -}}
{{- end -}}
{{- end -}}

{{/* Bytes that JetStream sets aside for the streams of this release. */}}
{{- define "gatecast.storedBytes" -}}
{{- $storage := .Values.storage -}}
{{- $fleets := include "gatecast.fleetNames" . | fromJsonArray | len -}}
{{- $perFleet := add (include "gatecast.bytes" $storage.outboxMaxBytes) (include "gatecast.bytes" $storage.backlogMaxBytes) -}}
{{- add (include "gatecast.bytes" $storage.readingsMaxBytes) (include "gatecast.bytes" $storage.deadletterMaxBytes) (mul $fleets $perFleet) -}}
{{- end -}}

{{/* JetStream's limit on each server: as set, or nine tenths of the volume. */}}
{{- define "gatecast.maxFileStore" -}}
{{- $bundled := .Values.nats.bundled -}}
{{- if $bundled.jetstream.maxFileStore -}}
{{- include "gatecast.bytes" $bundled.jetstream.maxFileStore -}}
{{- else -}}
{{- div (mul (include "gatecast.bytes" $bundled.persistence.size) 9) 10 -}}
{{- end -}}
{{- end -}}

{{/* Name of the broker of `helm test`, as publishers are told it. */}}
{{- define "gatecast.testBrokerHost" -}}
{{- printf "%s.%s.svc" (include "gatecast.name" (dict "root" . "component" "test-broker")) .Release.Namespace -}}
{{- end -}}
