{{- define "gateway.name" -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* What the gateway cannot do is refused here, before anything is changed. */}}
{{- define "gateway.require" -}}
{{- $most := .Values.replicas }}
{{- if .Values.autoscaling.enabled }}
{{- $most = .Values.autoscaling.maxReplicas }}
{{- end }}
{{- if and (gt (int $most) 1) (ne .Values.store "postgresql") }}
{{- fail (printf "%d replicas: a store on SQLite serves one gateway. Set store to postgresql, or replicas (and autoscaling.maxReplicas) to 1" (int $most)) }}
{{- end }}
{{- if and (gt (int $most) 1) (not .Values.secret.gatewaySecret) }}
{{- fail (printf "%d replicas need one secret: give the key of the Secret that holds it as secret.gatewaySecret" (int $most)) }}
{{- end }}
{{- if not .Values.secret.name }}
{{- fail "secret.name is missing: make a Secret with the admin key (see values.yaml), and give its name" }}
{{- end }}
{{- if and (eq .Values.store "postgresql") (not .Values.secret.storeUrl) }}
{{- fail "store is postgresql: give the key of the Secret that holds its URL as secret.storeUrl" }}
{{- end }}
{{- if and (ne .Values.store "postgresql") .Values.secret.storeUrl }}
{{- fail "secret.storeUrl is given and store is sqlite, so nothing would use it: set store to postgresql" }}
{{- end }}
{{- if and (ne .Values.upstream "echo") (not .Values.secret.upstreamKey) (not (hasKey .Values.upstreamKeys "default")) }}
{{- fail (printf "upstream is %s: give the key of the Secret that holds GROQ_API_KEY as secret.upstreamKey, or upstreamKeys.default" .Values.upstream) }}
{{- end }}
{{- end }}

{{- define "gateway.secretEnv" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end }}
