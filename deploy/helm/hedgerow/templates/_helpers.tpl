{{- define "hedgerow.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "hedgerow.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "hedgerow.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "hedgerow.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "hedgerow.selector" -}}
app.kubernetes.io/name: {{ include "hedgerow.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hedgerow.labels" -}}
{{ include "hedgerow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "hedgerow.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "hedgerow.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "hedgerow.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag }}
{{- if .Values.image.digest }}
{{- printf "%s:%s@%s" .Values.image.repository $tag .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository $tag }}
{{- end }}
{{- end }}

{{- /* Whether the callers' door speaks TLS; empty for no. */}}
{{- define "hedgerow.tls" -}}
{{- if or .Values.spiffe.enabled .Values.tls.secretName }}yes{{ end }}
{{- end }}

{{- /* The most pods there will be. */}}
{{- define "hedgerow.most" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.maxReplicas }}{{ else }}{{ .Values.replicas }}{{ end }}
{{- end }}

{{- /* Values that would lose something or cannot work, each said in one sentence. */}}
{{- define "hedgerow.check" -}}
{{- if not .Values.config.providers }}
{{- fail "config.providers is empty: the gateway needs at least one provider and one route (the chart's README.md has an example)" }}
{{- end }}
{{- if and (gt (int (include "hedgerow.most" .)) 1) (not .Values.postgres.enabled) }}
{{- fail "several pods need postgres.enabled: with SQLite each pod would have keys and a ledger of its own; or set replicas: 1" }}
{{- end }}
{{- if and .Values.spiffe.enabled .Values.tls.secretName }}
{{- fail "expected either spiffe.enabled or tls.secretName: each is a source of the doors' certificates" }}
{{- end }}
{{- if and .Values.vault.secrets (eq .Values.vault.mode "none") }}
{{- fail "vault.secrets need vault.mode: direct or agent" }}
{{- end }}
{{- if and (eq .Values.vault.mode "direct") (not .Values.vault.address) }}
{{- fail "vault.mode: direct needs vault.address" }}
{{- end }}
{{- if and .Values.redis.enabled (not .Values.redis.url) }}
{{- fail "redis.enabled needs redis.url" }}
{{- end }}
{{- if and .Values.postgres.enabled (not .Values.postgres.host) }}
{{- fail "postgres.enabled needs postgres.host" }}
{{- end }}
{{- range $name, $_ := .Values.secrets }}
{{- if hasKey $.Values.vault.secrets $name }}
{{- fail (printf "%s stands in secrets and in vault.secrets: a credential has one source" $name) }}
{{- end }}
{{- end }}
{{- end }}
