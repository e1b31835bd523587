{{/*
The Deployment of a service with its PodDisruptionBudget and autoscaler. A dict:
  root           top-level context
  component      config-api, sensor-ingest, encoder, mqtt-publisher: also the image
  fleet          of a publisher
  values         of the component, or of the fleet
  env            dict of variables of its own; extraEnv of the values goes over it
  secrets        dict: names of files below /etc/gatecast/secrets → {secret, key}
  http           whether it serves HTTP to others
  stopSeconds    how long the service takes to stop at most: the deadline of its main.ts
*/}}
{{- define "gatecast.workload" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $name := include "gatecast.name" . -}}
{{- $context := merge (dict "name" $name) . -}}
{{- $preStop := ternary (int ($values.preStopSeconds | default 0)) 0 .http -}}
{{- $grace := add $preStop .stopSeconds 5 -}}
{{- $secrets := include "gatecast.natsSecrets" . | fromYaml -}}
{{- range $file, $source := .secrets -}}{{- $_ := set $secrets $file $source -}}{{- end -}}
{{- $env := include "gatecast.commonEnv" . | fromYaml -}}
{{- range $own := list .env $values.extraEnv -}}
{{- range $variable, $value := $own -}}{{- $_ := set $env $variable $value -}}{{- end -}}
{{- end -}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "gatecast.labels" . | nindent 4 }}
spec:
  {{- if not (include "gatecast.isAutoscaled" $values) }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  {{- with $values.minReadySeconds }}
  minReadySeconds: {{ . }}
  {{- end }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      # The new one is there before the old one goes.
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels: {{- include "gatecast.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "gatecast.selectorLabels" . | nindent 8 }}
        gatecast/service: "true"
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ .component }}
        checksum/secrets: {{ include "gatecast.secretsChecksum" $root }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "gatecast.serviceAccountName" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- include "gatecast.pullSecrets" $root | nindent 6 }}
      terminationGracePeriodSeconds: {{ $grace }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      securityContext: {{- include "gatecast.podSecurity" 10001 | nindent 8 }}
      {{- include "gatecast.topologySpread" (merge (dict "spread" $values.topologySpread "perRevision" true) .) | nindent 6 }}
      {{- with $values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with concat $values.tolerations (include "gatecast.nodeLossTolerations" $root | fromYamlArray) }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "gatecast.image" (dict "root" $root "service" .component) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          {{- with $values.nodeFlags }}
          # Flags of V8 that NODE_OPTIONS does not take.
          command: {{- concat (list "node") . (list "main.js") | toYaml | nindent 12 }}
          {{- end }}
          env: {{- include "gatecast.env" $env | nindent 12 }}
          ports:
            {{- if .http }}
            - name: http
              containerPort: 8080
            {{- end }}
            - name: admin
              containerPort: 9090
          # /livez is about the event loop alone, so that no outage of NATS or of a broker restarts anything. On a
          # node without CPU to spare, answers and starts take long, and longer when a process has to begin again; one that
          # hangs has lost its leases to others long before it is restarted.
          startupProbe:
            httpGet: {path: /livez, port: admin}
            periodSeconds: 1
            timeoutSeconds: 2
            failureThreshold: 300
          livenessProbe:
            httpGet: {path: /livez, port: admin}
            periodSeconds: 10
            timeoutSeconds: 10
            failureThreshold: 12
          readinessProbe:
            httpGet: {path: /readyz, port: admin}
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 3
          {{- if gt $preStop 0 }}
          # Until whoever sends requests has heard that this pod takes no more.
          lifecycle:
            preStop:
              sleep:
                seconds: {{ $preStop }}
          {{- end }}
          resources: {{- toYaml $values.resources | nindent 12 }}
          securityContext: {{- include "gatecast.containerSecurity" . | nindent 12 }}
          {{- if $secrets }}
          volumeMounts:
            - name: secrets
              mountPath: /etc/gatecast/secrets
              readOnly: true
          {{- end }}
      {{- if $secrets }}
      volumes:
        - name: secrets
          projected:
            defaultMode: 288 # 0440
            sources:
              {{- range $file, $source := $secrets }}
              - secret:
                  name: {{ $source.secret }}
                  items:
                    - key: {{ $source.key }}
                      path: {{ $file }}
              {{- end }}
      {{- end }}
{{- include "gatecast.pdb" (merge (dict "pdb" $values.pdb) $context) }}
{{- include "gatecast.autoscaler" $context }}
{{- end -}}

{{/* A Service: `root`, `component`, `values` with `service`. */}}
{{- define "gatecast.service" -}}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "gatecast.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "gatecast.labels" . | nindent 4 }}
  {{- with .values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .values.service.type }}
  {{- with .values.service.loadBalancerSourceRanges }}
  loadBalancerSourceRanges: {{- toYaml . | nindent 4 }}
  {{- end }}
  selector: {{- include "gatecast.selectorLabels" . | nindent 4 }}
  ports:
    - name: http
      port: {{ .values.service.port }}
      targetPort: http
      appProtocol: http
      {{- if and .values.service.nodePort (ne .values.service.type "ClusterIP") }}
      nodePort: {{ .values.service.nodePort }}
      {{- end }}
{{- end -}}
