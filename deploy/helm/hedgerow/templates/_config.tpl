{{- /* TLS of a door; `client` is whether callers are asked for certificates as the values say. */}}
{{- define "hedgerow.config.tls" -}}
{{- if .Values.spiffe.enabled }}
tls:
  spiffe:
    socket: unix:/run/spiffe/{{ .Values.spiffe.socketFile }}
    ask_callers: {{ .Values.spiffe.askCallers }}
{{- else if .Values.tls.secretName }}
tls:
  certificate: /etc/hedgerow/tls/tls.crt
  key: /etc/hedgerow/tls/tls.key
  {{- if .Values.tls.clientCa }}
  client_ca: /etc/hedgerow/tls/ca.crt
  {{- end }}
{{- end }}
{{- end }}

{{- /* What the switches say, as YAML. */}}
{{- define "hedgerow.config.switches" -}}
server:
  drain_seconds: {{ .Values.drainSeconds }}
  grpc:
    listen: 0.0.0.0:{{ .Values.grpc.port }}
    {{- if .Values.grpc.maxConnectionAgeSeconds }}
    max_connection_age_seconds: {{ .Values.grpc.maxConnectionAgeSeconds }}
    {{- end }}
    {{- include "hedgerow.config.tls" . | nindent 4 }}
  {{- if .Values.http.enabled }}
  http:
    listen: 0.0.0.0:{{ .Values.http.port }}
    {{- include "hedgerow.config.tls" . | nindent 4 }}
  {{- end }}
  admin_grpc:
    {{- if .Values.admin.exposed }}
    listen: 0.0.0.0:{{ .Values.admin.grpcPort }}
    {{- include "hedgerow.config.tls" . | nindent 4 }}
    {{- else }}
    listen: 127.0.0.1:{{ .Values.admin.grpcPort }}
    {{- end }}
  admin_http:
    listen: 0.0.0.0:{{ .Values.admin.httpPort }}
{{- if .Values.admin.exposed }}
identity:
  admin: {access: roles}
{{- end }}
store:
  {{- if .Values.postgres.enabled }}
  postgres:
    host: {{ .Values.postgres.host | quote }}
    port: {{ .Values.postgres.port }}
    database: {{ .Values.postgres.database | quote }}
    user: {{ .Values.postgres.user | quote }}
    {{- with .Values.postgres.credential }}
    password: {{ . | quote }}
    {{- end }}
    {{- if .Values.postgres.plaintext }}
    plaintext: true
    {{- else if .Values.postgres.caSecretName }}
    tls: {ca_file: /etc/hedgerow/postgres-ca/ca.crt}
    {{- end }}
  {{- else }}
  path: /var/lib/hedgerow/hedgerow.db
  {{- end }}
ledger:
  spool: /var/lib/hedgerow/spool
{{- if eq .Values.vault.mode "direct" }}
vault:
  address: {{ .Values.vault.address | quote }}
  {{- with .Values.vault.namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  {{- if .Values.vault.plaintext }}
  plaintext: true
  {{- end }}
  {{- if .Values.vault.caSecretName }}
  ca_file: /etc/hedgerow/vault-ca/ca.crt
  {{- end }}
  login:
    method: kubernetes
    mount: {{ .Values.vault.authMount | quote }}
    role: {{ .Values.vault.role | quote }}
    token_file: /run/secrets/vault/token
{{- end }}
{{- if .Values.redis.enabled }}
sharing:
  replicas: {{ include "hedgerow.most" . }}
  redis:
    url: {{ .Values.redis.url | quote }}
    {{- with .Values.redis.username }}
    username: {{ . | quote }}
    {{- end }}
    {{- with .Values.redis.credential }}
    password: {{ . | quote }}
    {{- end }}
    {{- if .Values.redis.cluster }}
    cluster: true
    {{- end }}
{{- end }}
credentials:
  {{- range $name, $_ := .Values.secrets }}
  {{ $name | quote }}: {source: file, path: {{ printf "/etc/hedgerow/secrets/%s" $name | quote }}}
  {{- end }}
  {{- range $name, $one := .Values.vault.secrets }}
  {{- if eq $.Values.vault.mode "agent" }}
  {{ $name | quote }}: {source: file, path: {{ printf "/vault/secrets/%s" $name | quote }}}
  {{- else }}
  {{ $name | quote }}: {source: vault, mount: {{ default "secret" $one.mount | quote }}, path: {{ $one.path | quote }}, field: {{ $one.field | quote }}}
  {{- end }}
  {{- end }}
{{- end }}

{{- /* The whole configuration. JSON is YAML, and unlike toYaml it leaves large numbers as they are: 1e+06 would be text. */}}
{{- define "hedgerow.config" -}}
{{- $switches := include "hedgerow.config.switches" . | fromYaml }}
{{- if $switches.Error }}{{ fail $switches.Error }}{{ end }}
{{- if not $switches.credentials }}{{ $_ := unset $switches "credentials" }}{{ end }}
{{- mergeOverwrite $switches (deepCopy .Values.config) | toPrettyJson }}
{{- end }}

{{- /* A hash of what a reload does not put in force (docs/reload.md): pods restart when it changes, and only then. */}}
{{- define "hedgerow.restart" -}}
{{- $config := include "hedgerow.config" . | fromJson }}
{{- pick $config "server" "store" "ledger" "sharing" "telemetry" "console" | toJson | sha256sum }}
{{- end }}
