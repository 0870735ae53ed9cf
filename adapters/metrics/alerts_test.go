package metrics_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestAlerts holds the rules that ship to the metrics there are and to docs/operations.md, which says what to do about each.
func TestAlerts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../compose/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	described := names(regexp.MustCompile("(?m)^\\| `(docuvault_[a-z_]+)"), string(page))
	var alerts []string
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			alerts = append(alerts, rule.Alert)
			if rule.Annotations["summary"] == "" || !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) {
				t.Errorf("%s: %v %v", rule.Alert, rule.Labels, rule.Annotations)
			}
			if strings.Count(rule.Expr, "(") != strings.Count(rule.Expr, ")") || strings.Count(rule.Expr, "{") != strings.Count(rule.Expr, "}") {
				t.Errorf("%s: brackets of %s", rule.Alert, rule.Expr)
			}
			for _, metric := range names(regexp.MustCompile(`(docuvault_[a-z_]+)`), rule.Expr) {
				if !slices.Contains(described, strings.TrimSuffix(metric, "_bucket")) && !slices.Contains(described, metric) {
					t.Errorf("%s looks at %s, which there is not", rule.Alert, metric)
				}
			}
		}
	}
	toDo := names(regexp.MustCompile("(?m)^\\| `(DocuVault[A-Za-z]+)` \\|"), string(page))
	if len(alerts) < 10 || !slices.Equal(alerts, toDo) {
		t.Errorf("alerts are %v, docs/operations.md has %v", alerts, toDo)
	}
}
