{{/* Configuration of the bundled NATS. */}}

{{- define "gatecast.natsConfig" -}}
{{- $nats := .Values.nats.bundled -}}
{{- $name := include "gatecast.name" (dict "root" . "component" "nats") -}}
server_name: $POD_NAME
port: 4222
http_port: 8222
pid_file: "/var/run/nats/nats.pid"
max_payload: {{ include "gatecast.bytes" $nats.maxPayload }}
lame_duck_grace_period: "10s"
lame_duck_duration: "30s"

jetstream {
  store_dir: "/data"
  max_file_store: {{ include "gatecast.maxFileStore" . }}
  max_memory_store: {{ include "gatecast.bytes" $nats.jetstream.maxMemoryStore }}
  sync_interval: {{ $nats.jetstream.syncInterval | quote }}
}
{{- if gt (int $nats.replicas) 1 }}

cluster {
  name: {{ $name | quote }}
  port: 6222
  authorization {
    user: routes
    password: $GATECAST_NATS_PASSWORD_ROUTES
  }
  routes: $GATECAST_NATS_ROUTES
}
{{- end }}
{{- if $nats.tls.enabled }}

tls {
  cert_file: "/etc/nats-tls/tls.crt"
  key_file: "/etc/nats-tls/tls.key"
  ca_file: "/etc/nats-tls/ca.crt"
}
{{- end }}

include "nats-users.conf"
{{- end -}}

{{/* Routes to all servers, as a list in the syntax of NATS's configuration. */}}
{{- define "gatecast.natsRoutes" -}}
{{- $name := include "gatecast.name" (dict "root" . "component" "nats") -}}
{{- $routes := list -}}
{{- range $i := until (int .Values.nats.bundled.replicas) -}}
{{- $routes = append $routes (printf "%q" (printf "nats-route://routes:$(GATECAST_NATS_PASSWORD_ROUTES)@%s-%d.%s-headless:6222" $name $i $name)) -}}
{{- end -}}
{{- printf "[%s]" (join ", " $routes) -}}
{{- end -}}
