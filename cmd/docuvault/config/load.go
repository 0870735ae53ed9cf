package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Input is where a configuration comes from.
type Input struct {
	Use   Use            // what is read
	Need  Use            // for which commands required settings must be there; usually Use
	Flags *pflag.FlagSet // may be nil
	Env   []string       // NAME=value, as os.Environ returns it

	// EnvFile is a file of NAME=value lines. It may be absent unless EnvFileRequired.
	EnvFile         string
	EnvFileRequired bool
}

// Load reads the configuration. What is wrong with it comes back as one Problems error, together with the configuration as far
// as it could be read. An empty variable counts as not set, because compose passes ${VAR} of an unset VAR as one.
func Load(in Input) (*Config, error) {
	cfg := &Config{}
	var problems Problems
	file, err := readEnvFile(in.EnvFile, in.EnvFileRequired)
	if err != nil {
		problems = append(problems, Problem{in.EnvFile, err.Error(), "write NAME=value lines, and put values with $ or # in single quotes"})
	}
	env := environment(in.Env)

	v := viper.New()
	layers := []map[string]any{{}, {}}
	for _, s := range Settings() {
		if s.Use&in.Use == 0 {
			continue
		}
		v.SetDefault(s.Name, s.Default)
		for i, layer := range []map[string]string{file, env} {
			if value := layer[s.Name]; value != "" {
				layers[i][s.Name] = value
			}
		}
		if flag := lookup(in.Flags, s.Flag); flag != nil {
			if err := v.BindPFlag(s.Name, flag); err != nil {
				return nil, fmt.Errorf("bind --%s: %w", s.Flag, err)
			}
		}
	}
	for _, layer := range layers {
		if err := v.MergeConfigMap(layer); err != nil {
			return nil, fmt.Errorf("merge the configuration: %w", err)
		}
	}

	for _, s := range Settings() {
		if s.Use&in.Use == 0 {
			continue
		}
		value := strings.TrimSpace(v.GetString(s.Name))
		source := FromDefault
		switch flag := lookup(in.Flags, s.Flag); {
		case flag != nil && flag.Changed:
			source = FromFlag
		case env[s.Name] != "":
			source = FromEnvironment
		case file[s.Name] != "":
			source = FromFile
		}
		cfg.values = append(cfg.values, Value{Name: s.Name, Value: s.show(value), Source: source})
		switch {
		case value == "" && s.Required&in.Need != 0:
			problems = append(problems, Problem{s.Name, "is not set", s.hint()})
		case value == "" && source == FromFlag:
			problems = append(problems, Problem{"--" + s.Flag, "is empty", s.hint()})
		case value != "":
			if wrong := s.parse(cfg, value); wrong != "" {
				problems = append(problems, Problem{s.Name, wrong, s.hint()})
			}
		}
	}
	problems = append(problems, cfg.together(in.Need, problems)...)
	cfg.notes = notes(in.Use, env, cfg)
	if len(problems) > 0 {
		return cfg, problems
	}
	return cfg, nil
}

// together checks what depends on more than one setting. Settings that are wrong by themselves are not complained about twice.
func (c *Config) together(need Use, known Problems) Problems {
	var problems Problems
	missing := func(name, value, why string) {
		said := slices.ContainsFunc(known, func(p Problem) bool { return p.Variable == name })
		if value == "" && !said {
			problems = append(problems, Problem{name, "is not set", why})
		}
	}
	if need&running != 0 && c.AI.Provider != "" && c.AI.Provider != AIOff {
		missing("AI_MODEL", c.AI.Model, "AI_PROVIDER needs the name of a model")
	}
	if need&(API|Worker|Sweep|Probe) == 0 {
		return problems
	}
	switch c.Storage.Backend {
	case BackendMinIO:
		missing("MINIO_ENDPOINT", c.Storage.Endpoint, "set it to host:port of the S3 server, such as minio:9000")
		missing("MINIO_ACCESS_KEY", c.Storage.AccessKey, "set it to the key of the application, not of the administrator")
		missing("MINIO_SECRET_KEY", c.Storage.SecretKey, "set it to the secret of MINIO_ACCESS_KEY")
	case BackendFilesystem:
		missing("STORAGE_DIR", c.Storage.Dir, "STORAGE_BACKEND=filesystem needs a folder that every api and worker shares")
	}
	return problems
}

// notes are remarks about what is in the environment of this very process.
func notes(use Use, env map[string]string, c *Config) []string {
	var notes []string
	if use&(API|Worker) != 0 && use&Schema == 0 {
		for _, name := range []string{"DATABASE_MIGRATE_URL", "DATABASE_SUPERUSER_URL", "MINIO_ROOT_PASSWORD", "POSTGRES_PASSWORD"} {
			if env[name] != "" {
				notes = append(notes, name+" is in the environment of a service that has no use for it; give it to the command that needs it alone")
			}
		}
	}
	if use == API && c.SecretKey != "" && len(c.SecretKey) < 32 {
		notes = append(notes, "SECRET_KEY is short; make a better one with: openssl rand -hex 32")
	}
	return notes
}

func lookup(flags *pflag.FlagSet, name string) *pflag.Flag {
	if flags == nil || name == "" {
		return nil
	}
	return flags.Lookup(name)
}

func environment(env []string) map[string]string {
	m := make(map[string]string, len(env))
	for _, pair := range env {
		if name, value, ok := strings.Cut(pair, "="); ok {
			m[name] = strings.TrimSpace(value)
		}
	}
	return m
}

// readEnvFile returns the file's variables. Its errors never repeat a line: that may hold a secret.
func readEnvFile(path string, required bool) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !required:
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("does not exist")
	case err != nil:
		return nil, errors.New("cannot be read by this user")
	}
	values, err := parseEnvFile(text)
	if err == nil {
		return values, nil
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	bad := len(lines)
	for ; bad > 1; bad-- {
		if _, err := parseEnvFile(bytes.Join(lines[:bad-1], nil)); err == nil {
			break
		}
	}
	return nil, fmt.Errorf("cannot be understood at line %d", bad)
}

func parseEnvFile(text []byte) (map[string]string, error) {
	v := viper.New()
	v.SetConfigType("dotenv")
	if err := v.ReadConfig(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	values := make(map[string]string)
	for _, key := range v.AllKeys() {
		values[strings.ToUpper(key)] = strings.TrimSpace(v.GetString(key))
	}
	return values, nil
}
