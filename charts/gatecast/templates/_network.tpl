{{/* Who may talk to whom. */}}

{{/* A policy for the pods of one component: `root`, `component`, `fleet`, `ingress`, `egress` (YAML lists of rules). */}}
{{- define "gatecast.networkPolicy" -}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "gatecast.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "gatecast.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "gatecast.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- with .ingress | trim }}
  ingress: {{- . | nindent 4 }}
  {{- else }}
  ingress: []
  {{- end }}
  {{- with .egress | trim }}
  egress: {{- . | nindent 4 }}
  {{- else }}
  egress: []
  {{- end }}
{{- end -}}

{{- define "gatecast.dnsEgress" -}}
- to: {{- toYaml .Values.networkPolicy.dns.to | nindent 4 }}
  ports:
    {{- range .Values.networkPolicy.dns.ports }}
    - {protocol: UDP, port: {{ . }}}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end -}}

{{- define "gatecast.natsEgress" -}}
{{- if .Values.nats.bundled.enabled -}}
- to:
    - podSelector:
        matchLabels: {{- include "gatecast.selectorLabels" (dict "root" . "component" "nats") | nindent 10 }}
  ports:
    - {protocol: TCP, port: 4222}
{{- else -}}
{{- $ports := list -}}
{{- range splitList "," .Values.nats.external.url -}}
{{- $ports = append $ports (regexFind ":[0-9]+$" (trim . | trimSuffix "/") | trimPrefix ":" | default "4222") -}}
{{- end -}}
- ports:
    {{- range uniq $ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with .Values.networkPolicy.natsTo }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "gatecast.otlpEgress" -}}
{{- with .Values.telemetry.otlp.endpoint -}}
- to: {{- toYaml $.Values.networkPolicy.otlpTo | nindent 4 }}
  ports:
    - {protocol: TCP, port: {{ regexFind ":[0-9]+" (regexReplaceAll "^[a-z]+://" . "") | trimPrefix ":" | default (ternary "443" "80" (hasPrefix "https:" .)) }}}
{{- end -}}
{{- end -}}

{{/* What all services reach. */}}
{{- define "gatecast.serviceEgress" -}}
{{ include "gatecast.dnsEgress" . }}
{{ include "gatecast.natsEgress" . }}
{{ include "gatecast.otlpEgress" . }}
{{- end -}}

{{/* The brokers of owners: the outside without private, link-local and the cluster's own ranges, and what the operator names. */}}
{{- define "gatecast.brokerEgress" -}}
{{- $outside := .Values.networkPolicy.outside -}}
{{- $ipv4 := $outside.ipv4.except -}}
{{- $ipv6 := $outside.ipv6.except -}}
{{- range .Values.networkPolicy.clusterRanges -}}
{{- if contains ":" . -}}{{- $ipv6 = append $ipv6 . -}}{{- else -}}{{- $ipv4 = append $ipv4 . -}}{{- end -}}
{{- end -}}
{{- /* A rule without destinations would allow them all. */ -}}
{{- if or $outside.ipv4.enabled $outside.ipv6.enabled .Values.brokers.allowedRanges -}}
- to:
    {{- if $outside.ipv4.enabled }}
    - ipBlock:
        cidr: 0.0.0.0/0
        except: {{- toYaml $ipv4 | nindent 10 }}
    {{- end }}
    {{- if $outside.ipv6.enabled }}
    - ipBlock:
        cidr: ::/0
        except: {{- toYaml $ipv6 | nindent 10 }}
    {{- end }}
    {{- range .Values.brokers.allowedRanges }}
    - ipBlock:
        cidr: {{ . | quote }}
    {{- end }}
  ports:
    {{- range .Values.brokers.ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- else }}
    - {protocol: TCP}
    {{- end }}
{{- end }}
{{- range .Values.brokers.inCluster }}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .namespace | default $.Release.Namespace }}
      {{- with .podLabels }}
      podSelector:
        matchLabels: {{- toYaml . | nindent 10 }}
      {{- end }}
  ports:
    {{- range .ports | default (list 1883 8883) }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end }}
{{- if .Values.tests.enabled }}
- to:
    - podSelector:
        matchLabels: {{- include "gatecast.selectorLabels" (dict "root" . "component" "test") | nindent 10 }}
  ports:
    - {protocol: TCP, port: 1883}
{{- end }}
{{- end -}}

{{/* A port that everybody may reach, or those named: `from`, `port`. */}}
{{- define "gatecast.publicIngress" -}}
- ports:
    - {protocol: TCP, port: {{ .port }}}
  {{- with .from }}
  from: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Metrics, for those named and nobody else. The kubelet's probes are always let through. */}}
{{- define "gatecast.metricsIngress" -}}
{{- with .Values.networkPolicy.metricsFrom -}}
- ports:
    - {protocol: TCP, port: 9090}
  from: {{- toYaml . | nindent 4 }}
{{- end -}}
{{- end -}}

{{/* Clients of this release, servers among themselves, and whom the operator names. */}}
{{- define "gatecast.natsIngress" -}}
- ports:
    - {protocol: TCP, port: 4222}
  from:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
          app.kubernetes.io/instance: {{ .Release.Name }}
          gatecast/service: "true"
    {{- with .Values.networkPolicy.natsFrom }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- if gt (int .Values.nats.bundled.replicas) 1 }}
- ports:
    - {protocol: TCP, port: 6222}
  from:
    - podSelector:
        matchLabels: {{- include "gatecast.selectorLabels" (dict "root" . "component" "nats") | nindent 10 }}
{{- end }}
{{- with .Values.networkPolicy.natsMonitorFrom }}
- ports:
    - {protocol: TCP, port: 8222}
  from: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{/* From server to server. */}}
{{- define "gatecast.natsRoutesEgress" -}}
- to:
    - podSelector:
        matchLabels: {{- include "gatecast.selectorLabels" (dict "root" . "component" "nats") | nindent 10 }}
  ports:
    - {protocol: TCP, port: 6222}
{{- end -}}

{{/* The broker of `helm test`. */}}
{{- define "gatecast.testIngress" -}}
- ports:
    - {protocol: TCP, port: 1883}
  from:
    - podSelector:
        matchLabels: {{- include "gatecast.selectorLabels" (dict "root" . "component" "mqtt-publisher") | nindent 10 }}
{{- end -}}

{{/* What `helm test` asks. */}}
{{- define "gatecast.testEgress" -}}
- to:
    - podSelector:
        matchLabels: {{- include "gatecast.selectorLabels" (dict "root" . "component" "config-api") | nindent 10 }}
    - podSelector:
        matchLabels: {{- include "gatecast.selectorLabels" (dict "root" . "component" "sensor-ingest") | nindent 10 }}
  ports:
    - {protocol: TCP, port: 8080}
{{- end -}}
