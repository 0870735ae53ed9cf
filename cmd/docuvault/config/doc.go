package config

import (
	"fmt"
	"strings"
)

// Reference is the table of all settings as Markdown: docs/configuration.md is this text.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

Every setting is an environment variable; those that are no secrets are flags too. What is set later in this list wins:

1. the default in the tables below,
2. a line of ` + "`.env`" + ` in the working folder, or of the file that ` + "`--env-file`" + ` names,
3. the environment,
4. a flag.

A variable that is empty counts as not set. Variables that no table names are ignored, because compose and other programs share
the file; flags that a command does not know are refused. In ` + "`.env`" + `, put values with ` + "`$`" + ` or ` + "`#`" + ` in single quotes.

` + "`docuvault config`" + ` shows what is in force and where it came from, with secrets as ` + "`***`" + `. A command that finds
anything wrong lists all of it in one message and exits with 2.

Each command reads only the settings it names in the last column. In production, secrets live outside the project, in
` + "`/etc/docuvault/env`" + ` (mode 0600, owned by the user the services run as).
`)
	group := ""
	for _, s := range Settings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n## %s\n\n| variable | flag | default | meaning | read by |\n|---|---|---|---|---|\n", group)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s For example: %s. | %s |\n", s.Name, s.flagCell(), s.defaultCell(), s.Help, s.Example, s.Use)
	}
	return b.String()
}

func (s Setting) flagCell() string {
	switch {
	case s.Flag != "":
		return "`--" + s.Flag + "`"
	case s.Secret:
		return "secret"
	default:
		return ""
	}
}

func (s Setting) defaultCell() string {
	if s.Default == "" {
		return "not set"
	}
	if len(s.Default) > 60 {
		return "`" + strings.ReplaceAll(s.Default, ",", "`,<br>`") + "`"
	}
	return "`" + s.Default + "`"
}

// String lists the commands by name.
func (u Use) String() string {
	var names []string
	for _, known := range []struct {
		use  Use
		name string
	}{{API, "api"}, {Worker, "worker"}, {Up, "up"}, {Sweep, "sweep"}, {Schema, "schema"}, {InitRoles, "schema init-roles"}, {Health, "health"}, {Probe, "health --worker"}, {Queue, "queue"}} {
		if u&known.use != 0 {
			names = append(names, known.name)
		}
	}
	return strings.Join(names, ", ")
}
