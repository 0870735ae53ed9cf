package compose

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/docuvault/docuvault/cmd/docuvault/config"
)

// service is what the tests look at of a service, its anchors resolved.
type service struct {
	Image       string            `yaml:"image"`
	Environment map[string]string `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Profiles    []string          `yaml:"profiles"`
	Networks    []string          `yaml:"networks"`
	ReadOnly    bool              `yaml:"read_only"`
	CapDrop     []string          `yaml:"cap_drop"`
	SecurityOpt []string          `yaml:"security_opt"`
	MemLimit    string            `yaml:"mem_limit"`
	PidsLimit   int               `yaml:"pids_limit"`
	Restart     string            `yaml:"restart"`
	Logging     struct {
		Options map[string]string `yaml:"options"`
	} `yaml:"logging"`
	StopGrace   string         `yaml:"stop_grace_period"`
	Healthcheck map[string]any `yaml:"healthcheck"`
	EnvFile     any            `yaml:"env_file"`
}

const file, production, example = "../../compose/compose.yaml", "../../compose/compose.prod.yaml", "../../.env.example"

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func services(t *testing.T) map[string]service {
	t.Helper()
	var f struct {
		Services map[string]service `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(read(t, file)), &f); err != nil {
		t.Fatal(err)
	}
	return f.Services
}

// once runs once and ends.
func once(s service) bool { return s.Restart == "no" }

func TestServicesAreConfined(t *testing.T) {
	t.Parallel()
	for name, s := range services(t) {
		switch {
		case !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true"):
			t.Errorf("%s may write to its root, keeps rights of root or may gain some", name)
		case s.MemLimit == "" || s.PidsLimit == 0:
			t.Errorf("%s has no bounds", name)
		case s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "":
			t.Errorf("%s may fill the disk with its log", name)
		case !once(s) && s.Restart != "unless-stopped":
			t.Errorf("%s does not come back", name)
		case s.EnvFile != nil:
			t.Errorf("%s is given all variables", name)
		}
		if core := len(s.Profiles) == 0 && !once(s); core && s.Healthcheck["test"] == nil {
			t.Errorf("%s is never known to be well", name)
		}
	}
}

// Nothing but nginx is published, and what profiles add, all of it on loopback unless told otherwise.
func TestOnlyTheFrontIsPublished(t *testing.T) {
	t.Parallel()
	for name, s := range services(t) {
		if len(s.Profiles) == 0 && name != "nginx" && len(s.Ports) > 0 {
			t.Errorf("%s is published", name)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") && !strings.HasPrefix(port, "${PUBLISH:-127.0.0.1:8000}:") {
				t.Errorf("%s is published beyond loopback: %s", name, port)
			}
		}
		if data := name == "postgres" || name == "redis" || name == "minio" || name == "worker"; data && !slices.Equal(s.Networks, []string{"back"}) {
			t.Errorf("%s is on %v, want the network without a way out alone", name, s.Networks)
		}
	}
}

// Who holds which secret (D-13, D-14, D-15).
func TestSecretsGoWhereTheyAreNeeded(t *testing.T) {
	t.Parallel()
	holders := map[string][]string{
		"DATABASE_MIGRATE_URL": {"schema"},
		"MINIO_ROOT_PASSWORD":  {"minio", "storage-init"},
		"MINIO_ROOT_USER":      {"minio", "storage-init"},
		"POSTGRES_PASSWORD":    {"postgres"},
		"SECRET_KEY":           {"api"},
		"DATABASE_URL":         {"api", "python-worker", "worker"},
	}
	for name, want := range holders {
		var got []string
		for service, s := range services(t) {
			for _, value := range s.Environment {
				if strings.Contains(value, "${"+name+"}") || strings.Contains(value, "${"+name+":") {
					got = append(got, service)
				}
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s is given to %v, want %v", name, got, want)
		}
	}
}

var variable = regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]*)(:[-?][^}]*)?\}`)

func TestVariables(t *testing.T) {
	t.Parallel()
	secret := regexp.MustCompile(`PASSWORD|SECRET|_URL$|_AUTH$`)
	documented := read(t, example)
	for _, m := range variable.FindAllStringSubmatch(read(t, file)+read(t, production), -1) {
		if !regexp.MustCompile(`(?m)^#?` + m[1] + `=`).MatchString(documented) {
			t.Errorf("%s is not in .env.example", m[1])
		}
		if secret.MatchString(m[1]) && m[1] != "PUBLIC_URL" && strings.HasPrefix(m[2], ":-") && m[2] != ":-" {
			t.Errorf("%s has a default", m[1])
		}
	}
}

// A setting that compose does not pass on would be ignored without a word. Those that compose decides itself are named here.
func TestEverySettingIsPassedOn(t *testing.T) {
	t.Parallel()
	decided := []string{
		"LISTEN_ADDR", "EXTRACT_CACHE_DIR", // of the image
		"WORKER_HOSTNAME", // of one worker, not of every replica
		"SOFFICE_PATH",    // the image has none
		"TESSERACT_PATH",  // nor this one
		"SHUTDOWN_TIMEOUT",
	}
	all := services(t)
	for name, use := range map[string]config.Use{"api": config.API, "worker": config.Worker} {
		for _, setting := range config.Settings() {
			if _, passed := all[name].Environment[setting.Name]; setting.Use&use != 0 && !passed && !slices.Contains(decided, setting.Name) {
				t.Errorf("%s is a setting of %s, and compose.yaml does not pass it on", setting.Name, name)
			}
		}
	}
}

func TestGraceIsLongerThanDraining(t *testing.T) {
	t.Parallel()
	var drain time.Duration
	for _, s := range config.Settings() {
		if s.Name == "SHUTDOWN_TIMEOUT" {
			drain, _ = time.ParseDuration(s.Default)
		}
	}
	for _, name := range []string{"api", "worker", "nginx"} {
		text := services(t)[name].StopGrace
		grace, err := time.ParseDuration(strings.TrimSuffix(text[strings.Index(text, ":-")+2:], "}"))
		if err != nil || drain == 0 || grace <= drain {
			t.Errorf("%s is killed after %s (%v) and may drain for %s", name, grace, err, drain)
		}
	}
}
