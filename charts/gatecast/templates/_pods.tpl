{{/* What every pod has: Pod Security "restricted", no token, no environment from other Services. */}}

{{- define "gatecast.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "gatecast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* `root`, `spread` (values), and what selectorLabels takes. */}}
{{- define "gatecast.topologySpread" -}}
{{- if .spread.topologyKeys }}
topologySpreadConstraints:
  {{- $context := . }}
  {{- range .spread.topologyKeys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $context.spread.whenUnsatisfiable }}
    labelSelector:
      matchLabels: {{- include "gatecast.selectorLabels" $context | nindent 8 }}
    {{- if $context.perRevision }}
    matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* How long a pod stays on a node that is gone, as a list of tolerations. */}}
{{- define "gatecast.nodeLossTolerations" -}}
{{- if not (kindIs "invalid" .Values.nodeLossSeconds) -}}
{{- range list "not-ready" "unreachable" }}
- key: node.kubernetes.io/{{ . }}
  operator: Exists
  effect: NoExecute
  tolerationSeconds: {{ $.Values.nodeLossSeconds }}
{{- end }}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* A PodDisruptionBudget: `root`, `name`, `pdb` (values), and what selectorLabels takes. */}}
{{- define "gatecast.pdb" -}}
{{- if .pdb.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "gatecast.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .pdb.maxUnavailable }}
  # A pod that is not ready must not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "gatecast.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end -}}

{{/* Variables as a list, sorted by name, from a dict: text, or a map as it is (`valueFrom`). */}}
{{- define "gatecast.env" -}}
{{- range $name, $value := . }}
{{- if kindIs "map" $value }}
- name: {{ $name }}
  {{- toYaml $value | nindent 2 }}
{{- else if kindIs "float64" $value }}
- name: {{ $name }}
  value: {{ $value | int64 | toString | quote }}
{{- else }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- end -}}
