// Package check renders the kustomize base with kustomize's own library and decodes it strictly into Kubernetes' own types: an
// unknown or misplaced field fails, as an API server would warn of. No network is needed.
package check

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// rendered is the base by kind.
type rendered struct {
	deployments []appsv1.Deployment
	jobs        []batchv1.Job
	services    []corev1.Service
	configs     []corev1.ConfigMap
	accounts    []corev1.ServiceAccount
	namespaces  []corev1.Namespace
	scalers     []autoscalingv2.HorizontalPodAutoscaler
	budgets     []policyv1.PodDisruptionBudget
	policies    []networkingv1.NetworkPolicy
}

func add[T any](to *[]T, document []byte) error {
	var one T
	err := yaml.UnmarshalStrict(document, &one)
	*to = append(*to, one)
	return err
}

func render(t *testing.T) rendered {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "../base")
	if err != nil {
		t.Fatal(err)
	}
	var r rendered
	kinds := map[string]func([]byte) error{
		"apps/v1 Deployment":                     func(d []byte) error { return add(&r.deployments, d) },
		"batch/v1 Job":                           func(d []byte) error { return add(&r.jobs, d) },
		"v1 Service":                             func(d []byte) error { return add(&r.services, d) },
		"v1 ConfigMap":                           func(d []byte) error { return add(&r.configs, d) },
		"v1 ServiceAccount":                      func(d []byte) error { return add(&r.accounts, d) },
		"v1 Namespace":                           func(d []byte) error { return add(&r.namespaces, d) },
		"autoscaling/v2 HorizontalPodAutoscaler": func(d []byte) error { return add(&r.scalers, d) },
		"policy/v1 PodDisruptionBudget":          func(d []byte) error { return add(&r.budgets, d) },
		"networking.k8s.io/v1 NetworkPolicy":     func(d []byte) error { return add(&r.policies, d) },
	}
	for _, one := range resources.Resources() {
		document, err := one.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		kind := one.GetApiVersion() + " " + one.GetKind()
		decode, known := kinds[kind]
		if !known {
			t.Fatalf("%s is of no kind this test knows: %s", one.GetName(), kind)
		}
		if err := decode(document); err != nil {
			t.Errorf("%s %s: %v", kind, one.GetName(), err)
		}
	}
	return r
}

// pods are the templates of all that runs.
func (r rendered) pods() map[string]corev1.PodTemplateSpec {
	pods := make(map[string]corev1.PodTemplateSpec)
	for _, d := range r.deployments {
		pods[d.Name] = d.Spec.Template
	}
	for _, j := range r.jobs {
		pods[j.Name] = j.Spec.Template
	}
	return pods
}

func selects(selector, labels map[string]string) bool {
	for name, value := range selector {
		if labels[name] != value {
			return false
		}
	}
	return len(selector) > 0
}

func TestPodsAreConfined(t *testing.T) {
	r := render(t)
	pods := r.pods()
	if len(pods) != 3 {
		t.Fatalf("%d pods, want api, worker and schema", len(pods))
	}
	for name, pod := range pods {
		spec, c := pod.Spec, pod.Spec.Containers[0]
		switch {
		case spec.SecurityContext == nil || !*spec.SecurityContext.RunAsNonRoot || spec.SecurityContext.SeccompProfile == nil:
			t.Errorf("%s may run as root, or without a filter on system calls", name)
		case *spec.AutomountServiceAccountToken:
			t.Errorf("%s is given a key to Kubernetes", name)
		case !*c.SecurityContext.ReadOnlyRootFilesystem || *c.SecurityContext.AllowPrivilegeEscalation || len(c.SecurityContext.Capabilities.Drop) != 1:
			t.Errorf("%s may write, or gain rights", name)
		case c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero():
			t.Errorf("%s has no bounds", name)
		case len(c.VolumeMounts) != 1 || c.VolumeMounts[0].MountPath != "/tmp" || spec.Volumes[0].EmptyDir == nil:
			t.Errorf("%s has no folder to write to", name)
		}
		covered := false
		for _, p := range r.policies {
			covered = covered || selects(p.Spec.PodSelector.MatchLabels, pod.Labels)
		}
		if !covered {
			t.Errorf("no network policy covers %s", name)
		}
	}
}

// Each pod holds the secrets it needs and no others (D-13).
func TestSecretsGoWhereTheyAreNeeded(t *testing.T) {
	want := map[string]string{
		"docuvault-api":    "docuvault docuvault-api",
		"docuvault-worker": "docuvault",
		"docuvault-schema": "docuvault-migrate",
	}
	for name, pod := range render(t).pods() {
		var secrets []string
		for _, from := range pod.Spec.Containers[0].EnvFrom {
			if from.SecretRef != nil {
				secrets = append(secrets, from.SecretRef.Name)
			}
		}
		for _, one := range pod.Spec.Containers[0].Env {
			if one.ValueFrom != nil && one.ValueFrom.SecretKeyRef != nil {
				secrets = append(secrets, one.ValueFrom.SecretKeyRef.Name)
			}
		}
		if got := strings.Join(secrets, " "); got != want[name] {
			t.Errorf("%s is given %q, want %q", name, got, want[name])
		}
	}
}

func TestReplicasComeAndGo(t *testing.T) {
	r := render(t)
	drain, err := time.ParseDuration(r.configs[0].Data["SHUTDOWN_TIMEOUT"])
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range r.deployments {
		c := d.Spec.Template.Spec.Containers[0]
		if d.Spec.Replicas != nil {
			t.Errorf("%s sets replicas against its autoscaler", d.Name)
		}
		if c.ReadinessProbe == nil {
			t.Errorf("%s is never known to be ready", d.Name)
		}
		pause := time.Duration(0)
		if c.Lifecycle != nil {
			pause = time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
		}
		if grace := time.Duration(*d.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second; grace <= drain+pause {
			t.Errorf("%s is killed after %s, while it may drain until %s", d.Name, grace, drain+pause)
		}
		if !selects(d.Spec.Selector.MatchLabels, d.Spec.Template.Labels) {
			t.Errorf("%s does not select its own pods", d.Name)
		}
		scaled, kept := false, false
		for _, s := range r.scalers {
			scaled = scaled || s.Spec.ScaleTargetRef.Name == d.Name && s.Spec.ScaleTargetRef.Kind == "Deployment" && *s.Spec.MinReplicas > 1
		}
		for _, b := range r.budgets {
			kept = kept || selects(b.Spec.Selector.MatchLabels, d.Spec.Template.Labels)
		}
		if !scaled || !kept {
			t.Errorf("%s: autoscaler %t, disruption budget %t", d.Name, scaled, kept)
		}
	}
	for _, s := range r.services {
		if s.Spec.Ports[0].TargetPort.StrVal != "http" || !selects(s.Spec.Selector, r.pods()["docuvault-api"].Labels) {
			t.Errorf("%s leads nowhere", s.Name)
		}
	}
}
