{{/* Names, labels and images. All templates take a dict with `root`, the top-level context. */}}

{{- define "gatecast.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Name of a resource of one component: `root`, `component`, and `fleet` of a publisher. At most 46 characters, so that a pod's
name, with 17 more, has room for all of it: metrics are found by it.
*/}}
{{- define "gatecast.name" -}}
{{- $name := printf "%s-%s" (include "gatecast.fullname" .root) .component -}}
{{- if .fleet -}}{{- $name = printf "%s-%s" $name .fleet -}}{{- end -}}
{{- if gt (len $name) 46 -}}
{{- printf "%s-%s" ($name | trunc 37 | trimSuffix "-") (sha256sum $name | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{- define "gatecast.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* What a pod keeps for life, and selectors go by. Nothing here may change with a version. */}}
{{- define "gatecast.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- if .fleet }}
gatecast/fleet: {{ .fleet | quote }}
{{- end }}
{{- end -}}

{{- define "gatecast.labels" -}}
helm.sh/chart: {{ include "gatecast.chart" .root }}
{{ include "gatecast.selectorLabels" . }}
app.kubernetes.io/part-of: gatecast
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Image of one of our services: `root`, `service`. */}}
{{- define "gatecast.image" -}}
{{- $image := .root.Values.image -}}
{{- $tag := $image.tag | default .root.Chart.AppVersion -}}
{{- $path := printf "%s/%s:%s" $image.repository .service $tag -}}
{{- if $image.registry -}}{{- printf "%s/%s" $image.registry $path -}}{{- else -}}{{- $path -}}{{- end -}}
{{- end -}}

{{/* Image of others: `image` with repository and tag, `root`. */}}
{{- define "gatecast.foreignImage" -}}
{{- printf "%s:%s" .image.repository (.image.tag | toString) -}}
{{- end -}}

{{- define "gatecast.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Names of fleets, sorted, as a JSON list. A fleet that was set to null is none. */}}
{{- define "gatecast.fleetNames" -}}
{{- $names := list -}}
{{- range $name, $fleet := .Values.fleets -}}
{{- if kindIs "map" $fleet -}}{{- $names = append $names $name -}}{{- end -}}
{{- end -}}
{{- $names | sortAlpha | toJson -}}
{{- end -}}

{{/* Values of one fleet over those of all: `root`, `fleet`; as YAML. */}}
{{- define "gatecast.fleetValues" -}}
{{- include "gatecast.overlay" (dict "base" .root.Values.fleetDefaults "over" (index .root.Values.fleets .fleet)) -}}
{{- end -}}

{{/* `over` over `base`, map by map; as YAML. What Sprig has for it passes over false, 0 and empty lists. */}}
{{- define "gatecast.overlay" -}}
{{- $result := deepCopy .base -}}
{{- range $key, $value := .over -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $result $key)) -}}
{{- $_ := set $result $key (include "gatecast.overlay" (dict "base" (get $result $key) "over" $value) | fromYaml) -}}
{{- else -}}
{{- $_ := set $result $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $result -}}
{{- end -}}

{{- define "gatecast.defaultFleet" -}}
{{- $names := include "gatecast.fleetNames" . | fromJsonArray -}}
{{- if .Values.configApi.defaultFleet -}}
{{- .Values.configApi.defaultFleet -}}
{{- else if has "default" $names -}}
default
{{- else -}}
{{- first $names -}}
{{- end -}}
{{- end -}}

{{/* A quantity of bytes (`512Mi`, `10Gi`, `1000000`) as a plain number. */}}
{{- define "gatecast.bytes" -}}
{{- $text := kindIs "float64" . | ternary (int64 . | toString) (toString .) -}}
{{- $number := regexFind "^[0-9]+" $text -}}
{{- $unit := trimPrefix $number $text -}}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- if or (eq $number "") (not (hasKey $factors $unit)) -}}
{{- fail (printf "%q is not a number of bytes: write whole ones with Ki, Mi, Gi or Ti." $text) -}}
{{- end -}}
{{- mul (int64 $number) (index $factors $unit | int64) -}}
{{- end -}}

{{- define "gatecast.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "gatecast.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}
