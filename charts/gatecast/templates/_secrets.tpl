{{/*
Secrets that are made once and kept. What is there already is found by `lookup` and rendered again as it is, so that an
upgrade changes nothing, and a new install in the same namespace goes on with it. Without a cluster (`helm template`)
nothing can be found: tools that render so must name Secrets of their own.
*/}}

{{/* Data of a Secret of this release as it is now, as JSON: decoded, empty when it is not there. `root`, `name`. */}}
{{- define "gatecast.existingData" -}}
{{- $data := dict -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .name -}}
{{- range $key, $value := (dig "data" (dict) ($found | default dict)) -}}
{{- $_ := set $data $key ($value | b64dec) -}}
{{- end -}}
{{- $data | toJson -}}
{{- end -}}

{{/* Which generation of a Secret is there: `root`, `name`. 0 when there is none. */}}
{{- define "gatecast.existingGeneration" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .name | default dict -}}
{{- dig "metadata" "annotations" "gatecast/generation" "0" $found -}}
{{- end -}}

{{/* A Secret that outlives its release: `root`, `component`, `generation`, `data` (text). */}}
{{- define "gatecast.keptSecret" -}}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "gatecast.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "gatecast.labels" . | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
    gatecast/generation: {{ .generation | toString | quote }}
type: Opaque
data:
  {{- range $key, $value := .data }}
  {{ $key }}: {{ $value | b64enc }}
  {{- end }}
{{- end -}}

{{/*
A P-256 key as a private JWK, JSON. The argument is the number of its generation, which its kid begins with.
Go writes a P-256 key (SEC 1, RFC 5915) in 121 bytes, where everything but the key itself is fixed:
  30 77 02 01 01 04 20 <d: 32> a0 0a 06 08 2a 86 48 ce 3d 03 01 07 a1 44 03 42 00 04 <x: 32> <y: 32>
*/}}
{{- define "gatecast.newSealingKey" -}}
{{- $pem := genPrivateKey "ecdsa" -}}
{{- $base64 := $pem | replace "-----BEGIN EC PRIVATE KEY-----" "" | replace "-----END EC PRIVATE KEY-----" "" | replace "\n" "" -}}
{{- $der := b64dec $base64 -}}
{{- if or (not (hasPrefix "MHcCAQEEI" $base64)) (ne (len $der) 121) -}}
{{- fail "This version of Helm writes P-256 keys in another way than is expected here: make the sealing keys yourself and name their Secret in secrets.sealing.existingSecret (see docs/deploy.md)." -}}
{{- end -}}
{{- $d := substr 7 39 $der | b64enc | replace "+" "-" | replace "/" "_" | trimSuffix "=" -}}
{{- $x := substr 57 89 $der | b64enc | replace "+" "-" | replace "/" "_" | trimSuffix "=" -}}
{{- $y := substr 89 121 $der | b64enc | replace "+" "-" | replace "/" "_" | trimSuffix "=" -}}
{{- $kid := printf "%s-%s" . (sha256sum $x | trunc 8) -}}
{{- dict "kty" "EC" "crv" "P-256" "d" $d "x" $x "y" $y "kid" $kid | toJson -}}
{{- end -}}

{{/*
The sealing keys, as JSON: {"keys": {"<generation>": {JWK}, …}, "private.json": "…", "public.json": "…"}. Each key is in a Secret of its own,
which is never changed and survives a rollback to before it was made; the sets that services read are made of them.
*/}}
{{- define "gatecast.sealingKeys" -}}
{{- $sealing := .Values.secrets.sealing -}}
{{- $former := include "gatecast.existingData" (dict "root" . "name" (include "gatecast.name" (dict "root" . "component" "sealing"))) | fromJson -}}
{{- $keys := dict -}}
{{- $private := list -}}
{{- $first := list -}}
{{- $others := list -}}
{{- range $number := untilStep (int $sealing.oldest) (int (add1 $sealing.generations)) 1 -}}
{{- $name := include "gatecast.name" (dict "root" $ "component" (printf "sealing-key-%d" $number)) -}}
{{- $existing := include "gatecast.existingData" (dict "root" $ "name" $name) | fromJson -}}
{{- $key := dict -}}
{{- if hasKey $existing "jwk.json" -}}
{{- $key = get $existing "jwk.json" | fromJson -}}
{{- else if hasKey $former "private.json" -}}
{{- range (get $former "private.json" | fromJson).keys -}}
{{- if hasPrefix (printf "%d-" $number) .kid -}}{{- $key = . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if not $key -}}
{{- $key = include "gatecast.newSealingKey" (toString $number) | fromJson -}}
{{- end -}}
{{- $_ := set $keys (toString $number) $key -}}
{{- $private = append $private $key -}}
{{- $public := omit $key "d" -}}
{{- if eq $number (int $sealing.active) -}}{{- $first = append $first $public -}}{{- else -}}{{- $others = append $others $public -}}{{- end -}}
{{- end -}}
{{- dict "keys" $keys "private.json" (dict "keys" $private | toJson) "public.json" (dict "keys" (concat $first $others) | toJson) | toJson -}}
{{- end -}}

{{/* Secret and key by which a file is mounted, as YAML. The argument: `root`, `what`. */}}
{{- define "gatecast.secretSource" -}}
{{- $secrets := .root.Values.secrets -}}
{{- if eq .what "api-key" -}}
secret: {{ $secrets.apiKey.existingSecret | default (include "gatecast.name" (dict "root" .root "component" "api-key")) }}
key: {{ ternary $secrets.apiKey.key "api-key" (ne $secrets.apiKey.existingSecret "") }}
{{- else -}}
secret: {{ $secrets.sealing.existingSecret | default (include "gatecast.name" (dict "root" .root "component" "sealing")) }}
key: {{ .what }}
{{- end -}}
{{- end -}}

{{/*
Changes when the secrets of a release do, so that its services start anew with them. Secrets of our own change only with
the values; of those that belong to others the content counts, as it is at the upgrade.
*/}}
{{- define "gatecast.secretsChecksum" -}}
{{- $parts := list (toJson .Values.secrets) (toJson .Values.nats.external) (toJson .Values.nats.bundled.tls) -}}
{{- $names := list .Values.secrets.apiKey.existingSecret .Values.secrets.sealing.existingSecret .Values.secrets.natsUsers.existingSecret -}}
{{- $names = concat $names (list .Values.nats.external.existingSecret .Values.nats.external.caSecret.name .Values.nats.bundled.tls.existingSecret) -}}
{{- range $name := without $names "" | uniq | sortAlpha -}}
{{- $parts = append $parts (include "gatecast.existingData" (dict "root" $ "name" $name)) -}}
{{- end -}}
{{- join "\n" $parts | sha256sum -}}
{{- end -}}
