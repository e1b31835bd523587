{{/* HorizontalPodAutoscaler or ScaledObject of a Deployment. */}}

{{/* Not empty when something other than `replicas` decides: the values of a component. */}}
{{- define "gatecast.isAutoscaled" -}}
{{- if or .autoscaling.hpa.enabled .autoscaling.keda.enabled -}}true{{- end -}}
{{- end -}}

{{/* `root`, `name`, `component`, `fleet`, `values` */}}
{{- define "gatecast.autoscaler" -}}
{{- if .values.autoscaling.hpa.enabled }}
{{ include "gatecast.hpa" . }}
{{- else if .values.autoscaling.keda.enabled }}
{{ include "gatecast.scaledObject" . }}
{{- end }}
{{- end -}}

{{/* One pod at a time goes: it hands its partitions over, and the others take them in. */}}
{{- define "gatecast.scalingBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  policies:
    - {type: Pods, value: 2, periodSeconds: 30}
    - {type: Percent, value: 100, periodSeconds: 30}
  selectPolicy: Max
scaleDown:
  stabilizationWindowSeconds: {{ .scaleDownStabilizationSeconds }}
  policies:
    - {type: Pods, value: 1, periodSeconds: 60}
{{- end -}}

{{- define "gatecast.hpa" -}}
{{- $hpa := .values.autoscaling.hpa -}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "gatecast.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ $hpa.minReplicas }}
  maxReplicas: {{ $hpa.maxReplicas }}
  metrics:
    {{- if $hpa.cpuPercent }}
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ $hpa.cpuPercent }}
    {{- end }}
    {{- if $hpa.sessionsPerPod }}
    - type: Pods
      pods:
        metric:
          name: gatecast_publisher_sessions
        target:
          type: AverageValue
          averageValue: {{ $hpa.sessionsPerPod | toString | quote }}
    {{- end }}
    {{- if $hpa.connectedLagPerPod }}
    - type: Pods
      pods:
        metric:
          name: gatecast_publisher_connected_lag_messages
        target:
          type: AverageValue
          averageValue: {{ $hpa.connectedLagPerPod | toString | quote }}
    {{- end }}
    {{- with $hpa.extraMetrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  behavior: {{- include "gatecast.scalingBehavior" $hpa | nindent 4 }}
{{- end -}}

{{- define "gatecast.scaledObject" -}}
{{- $keda := .values.autoscaling.keda -}}
{{- $selector := printf "namespace=%q,pod=~%q" .root.Release.Namespace (printf "%s-[a-z0-9]+-[a-z0-9]+" .name) -}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "gatecast.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    name: {{ .name }}
  minReplicaCount: {{ $keda.minReplicas }}
  maxReplicaCount: {{ $keda.maxReplicas }}
  pollingInterval: {{ $keda.pollingIntervalSeconds }}
  {{- with $keda.fallbackReplicas }}
  # When Prometheus does not answer.
  fallback:
    failureThreshold: 3
    replicas: {{ . }}
  {{- end }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior: {{- include "gatecast.scalingBehavior" $keda | nindent 8 }}
  triggers:
    {{- if $keda.sessionsPerPod }}
    - type: prometheus
      name: sessions
      metricType: AverageValue
      metadata:
        serverAddress: {{ $keda.serverAddress | quote }}
        query: {{ printf "sum(gatecast_publisher_sessions{%s})" $selector | quote }}
        threshold: {{ $keda.sessionsPerPod | toString | quote }}
    {{- end }}
    {{- if $keda.connectedLagPerPod }}
    - type: prometheus
      name: connected-lag
      metricType: AverageValue
      metadata:
        serverAddress: {{ $keda.serverAddress | quote }}
        query: {{ printf "sum(gatecast_publisher_connected_lag_messages{%s})" $selector | quote }}
        threshold: {{ $keda.connectedLagPerPod | toString | quote }}
    {{- end }}
    {{- with $keda.extraTriggers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
