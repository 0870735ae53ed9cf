package embedded

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const defaultPort = 5432

// owned are the settings this package decides: what makes a commit durable, where files are, who can connect.
var owned = []string{
	"data_directory", "config_file", "hba_file", "ident_file", "external_pid_file",
	"listen_addresses", "port", "unix_socket_directories", "unix_socket_permissions",
	"log_destination", "logging_collector", "log_line_prefix", "lc_messages", "password_encryption",
}

// durable are the settings that UnsafeNoSync turns off.
var durable = []string{"fsync", "synchronous_commit", "full_page_writes"}

func checkSettings(cfg PostgresConfig) error {
	for _, name := range slices.Sorted(maps.Keys(cfg.Settings)) {
		lower := strings.ToLower(strings.ReplaceAll(name, "-", "_"))
		if slices.Contains(owned, lower) || slices.Contains(durable, lower) {
			return fmt.Errorf("setting %s cannot be changed here", name)
		}
	}
	return nil
}

func serverArgs(cfg PostgresConfig, dir *dataDir, socketDir string, port int) []string {
	args := []string{"-D", dir.cluster}
	set := func(name, value string) { args = append(args, "-c", name+"="+value) }
	for _, name := range slices.Sorted(maps.Keys(cfg.Settings)) {
		set(name, cfg.Settings[name])
	}
	onOff := "on"
	if cfg.UnsafeNoSync {
		onOff = "off"
	}
	for _, name := range durable {
		set(name, onOff)
	}
	set("listen_addresses", "")
	if cfg.TCP {
		args[len(args)-1] = "listen_addresses=127.0.0.1"
	}
	set("port", strconv.Itoa(port))
	set("unix_socket_directories", quoteList(socketDir))
	set("unix_socket_permissions", "0700")
	set("log_destination", "stderr")
	set("logging_collector", "off")
	// One line per message, starting with its severity; no statement and no row, which may hold people's text.
	set("log_line_prefix", "")
	set("lc_messages", "C")
	if !hasSetting(cfg, "log_error_verbosity") {
		set("log_error_verbosity", "terse")
	}
	if !hasSetting(cfg, "log_min_error_statement") {
		set("log_min_error_statement", "panic")
	}
	return args
}

func hasSetting(cfg PostgresConfig, name string) bool {
	_, ok := cfg.Settings[name]
	return ok
}

// quoteList quotes one element of a list setting: a folder's name may hold commas and quotes.
func quoteList(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
