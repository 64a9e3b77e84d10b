{{- define "bulkhead.labels" -}}
app.kubernetes.io/name: bulkhead
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* What selects the pods of one component. It never changes, because a selector cannot. */}}
{{- define "bulkhead.selector" -}}
app.kubernetes.io/name: bulkhead
app.kubernetes.io/component: {{ . }}
{{- end }}

{{- define "bulkhead.image" -}}
{{- $name := .name -}}
{{- with .root.Values.image.registry }}{{ $name = printf "%s/%s" . $name }}{{ end -}}
{{ printf "%s:%s" $name (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
{{- end }}

{{/* The chart's own settings win: values.schema.json forbids to give them. */}}
{{- define "bulkhead.agentConfig" -}}
{{- toYaml (mustMergeOverwrite (dict) .Values.agent.config (dict "hostRoot" "/host" "stateDir" "/var/lib/bulkhead")) }}
{{- end }}

{{- define "bulkhead.controllerConfig" -}}
{{- $own := dict "namespace" .Release.Namespace -}}
{{- $policy := deepCopy .Values.policy.spec -}}
{{- if eq .Values.policy.mode "DryRun" }}{{ $_ := set $policy "dryRun" true }}{{ end -}}
{{- if $policy }}{{ $_ := set $own "defaultPolicy" $policy }}{{ end -}}
{{- toYaml (mustMergeOverwrite (dict) .Values.controller.config $own) }}
{{- end }}

{{/* The clean-up and its rights: made before an uninstall, in the order of the weights, and gone after it. */}}
{{- define "bulkhead.cleanupHook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{/* No version: a pod is replaced when something in it changes, not when the chart does. */}}
{{- define "bulkhead.podLabels" -}}
{{ include "bulkhead.selector" .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}
