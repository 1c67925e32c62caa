{{- define "hedgerow.pod" -}}
serviceAccountName: {{ include "hedgerow.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
# preStop, the drain, and the time to store the rest of the ledger and to give back what Vault lent.
terminationGracePeriodSeconds: {{ add .Values.preStopSeconds (ceil .Values.drainSeconds) 15 }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- if .Values.topologySpreadConstraints }}
  {{- toYaml .Values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "hedgerow.selector" $ | nindent 8 }}
  {{- end }}
  {{- end }}
containers:
  - name: hedgerow
    image: {{ include "hedgerow.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args: [serve, /etc/hedgerow/config/config.yaml]
    {{- with .Values.env }}
    env:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    ports:
      - {name: grpc, containerPort: {{ .Values.grpc.port }}, protocol: TCP}
      {{- if .Values.http.enabled }}
      - {name: http, containerPort: {{ .Values.http.port }}, protocol: TCP}
      {{- end }}
      - {name: admin-http, containerPort: {{ .Values.admin.httpPort }}, protocol: TCP}
      {{- if .Values.admin.exposed }}
      - {name: admin-grpc, containerPort: {{ .Values.admin.grpcPort }}, protocol: TCP}
      {{- end }}
    # Alive is a process whose event loop turns. A missing secret or a drain makes it not ready, and must not kill it: so
    # health, which tells of them, is asked for readiness alone.
    startupProbe:
      httpGet: {path: /healthz, port: admin-http}
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet: {path: /healthz, port: admin-http}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      {{- if include "hedgerow.tls" . }}
      # The kubelet's gRPC probe speaks no TLS. /readyz says the same.
      httpGet: {path: /readyz, port: admin-http}
      {{- else }}
      grpc: {port: {{ .Values.grpc.port }}}
      {{- end }}
      periodSeconds: 5
      timeoutSeconds: 2
      failureThreshold: 2
    lifecycle:
      preStop:
        sleep: {seconds: {{ .Values.preStopSeconds }}}
    securityContext:
      runAsNonRoot: true
      runAsUser: 10001
      runAsGroup: 10001
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    volumeMounts:
      # The folder and not the file: a file that is mounted by subPath never changes.
      - {name: config, mountPath: /etc/hedgerow/config, readOnly: true}
      - {name: data, mountPath: /var/lib/hedgerow}
      - {name: tmp, mountPath: /tmp}
      {{- if .Values.secrets }}
      - {name: secrets, mountPath: /etc/hedgerow/secrets, readOnly: true}
      {{- end }}
      {{- if .Values.tls.secretName }}
      - {name: tls, mountPath: /etc/hedgerow/tls, readOnly: true}
      {{- end }}
      {{- if .Values.spiffe.enabled }}
      - {name: spiffe, mountPath: /run/spiffe, readOnly: true}
      {{- end }}
      {{- if eq .Values.vault.mode "direct" }}
      - {name: vault-token, mountPath: /run/secrets/vault, readOnly: true}
      {{- end }}
      {{- if and .Values.vault.caSecretName (eq .Values.vault.mode "direct") }}
      - {name: vault-ca, mountPath: /etc/hedgerow/vault-ca, readOnly: true}
      {{- end }}
      {{- if and .Values.postgres.enabled .Values.postgres.caSecretName }}
      - {name: postgres-ca, mountPath: /etc/hedgerow/postgres-ca, readOnly: true}
      {{- end }}
      {{- with .Values.volumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: config
    configMap: {name: {{ include "hedgerow.fullname" . }}}
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
  {{- if .Values.secrets }}
  - name: secrets
    projected:
      # The group's (fsGroup), nobody else's.
      defaultMode: 0440
      sources:
        {{- range $name, $one := .Values.secrets }}
        - secret:
            name: {{ $one.secretName }}
            # A pod without one of its secrets starts, and says at /readyz which is missing.
            optional: true
            items: [{key: {{ $one.key | quote }}, path: {{ $name | quote }}}]
        {{- end }}
  {{- end }}
  {{- if .Values.tls.secretName }}
  - name: tls
    secret: {secretName: {{ .Values.tls.secretName }}, defaultMode: 0440}
  {{- end }}
  {{- if .Values.spiffe.enabled }}
  - name: spiffe
    csi: {driver: {{ .Values.spiffe.driver }}, readOnly: true}
  {{- end }}
  {{- if ne .Values.vault.mode "none" }}
  # For Vault and nobody else; the API server does not take it.
  - name: vault-token
    projected:
      defaultMode: 0440
      sources:
        - serviceAccountToken: {path: token, audience: {{ .Values.vault.audience | quote }}, expirationSeconds: 3600}
  {{- end }}
  {{- if and .Values.vault.caSecretName (eq .Values.vault.mode "direct") }}
  - name: vault-ca
    secret: {secretName: {{ .Values.vault.caSecretName }}}
  {{- end }}
  {{- if and .Values.postgres.enabled .Values.postgres.caSecretName }}
  - name: postgres-ca
    secret: {secretName: {{ .Values.postgres.caSecretName }}}
  {{- end }}
  {{- with .Values.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* For Vault's injector, which writes /vault/secrets/NAME and keeps it up to date. */}}
{{- define "hedgerow.agent" -}}
vault.hashicorp.com/agent-inject: "true"
vault.hashicorp.com/role: {{ .Values.vault.role | quote }}
vault.hashicorp.com/auth-path: {{ printf "auth/%s" .Values.vault.authMount | quote }}
vault.hashicorp.com/agent-service-account-token-volume-name: vault-token
vault.hashicorp.com/agent-run-as-same-user: "true"
{{- with .Values.vault.address }}
vault.hashicorp.com/service: {{ . | quote }}
{{- end }}
{{- with .Values.vault.namespace }}
vault.hashicorp.com/namespace: {{ . | quote }}
{{- end }}
{{- with .Values.vault.caSecretName }}
vault.hashicorp.com/tls-secret: {{ . | quote }}
vault.hashicorp.com/ca-cert: /vault/tls/ca.crt
{{- end }}
{{- range $name, $one := .Values.vault.secrets }}
{{- $path := printf "%s/data/%s" (default "secret" $one.mount) $one.path }}
vault.hashicorp.com/agent-inject-secret-{{ $name }}: {{ $path | quote }}
vault.hashicorp.com/agent-inject-perms-{{ $name }}: "0400"
vault.hashicorp.com/agent-inject-template-{{ $name }}: {{ printf "{{- with secret %q -}}{{ index .Data.data %q }}{{- end -}}" $path $one.field | quote }}
{{- end }}
{{- with .Values.vault.agentAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end }}
