package config

import (
	"fmt"
	"log/slog"
	"math"
	"mime"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type dur = time.Duration

type parser = func(*Config, string) string

func text(field func(*Config) *string) parser {
	return func(c *Config, value string) string {
		*field(c) = value
		return ""
	}
}

func password(field func(*Config) *string) parser {
	return func(c *Config, value string) string {
		*field(c) = value
		switch {
		case value == Placeholder:
			return "is still the placeholder " + Placeholder
		case strings.ContainsRune(value, 0):
			return "holds a NUL character"
		}
		return ""
	}
}

func oneOf(field func(*Config) *string, allowed ...string) parser {
	return func(c *Config, value string) string {
		value = strings.ToLower(value)
		if !slices.Contains(allowed, value) {
			return fmt.Sprintf("is %q", value)
		}
		*field(c) = value
		return ""
	}
}

func boolean(field func(*Config) *bool) parser {
	return func(c *Config, value string) string {
		switch strings.ToLower(value) {
		case "1", "true", "yes", "on":
			*field(c) = true
		case "0", "false", "no", "off":
			*field(c) = false
		default:
			return fmt.Sprintf("is %q", value)
		}
		return ""
	}
}

func number(low, high int, field func(*Config) *int) parser {
	return func(c *Config, value string) string {
		n, err := strconv.Atoi(value)
		if err != nil || n < low || n > high {
			return fmt.Sprintf("is %q", value)
		}
		*field(c) = n
		return ""
	}
}

func duration(field func(*Config) *time.Duration) parser {
	return func(c *Config, value string) string {
		d, err := time.ParseDuration(value)
		switch {
		case err != nil:
			return fmt.Sprintf("is %q, which is no duration with a unit", value)
		case d <= 0:
			return fmt.Sprintf("is %q, which is not above zero", value)
		}
		*field(c) = d
		return ""
	}
}

var units = map[string]float64{
	"": 1, "B": 1,
	"K": 1 << 10, "KIB": 1 << 10, "KB": 1e3,
	"M": 1 << 20, "MIB": 1 << 20, "MB": 1e6,
	"G": 1 << 30, "GIB": 1 << 30, "GB": 1e9,
	"T": 1 << 40, "TIB": 1 << 40, "TB": 1e12,
}

var sizeForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) *([A-Za-z]*)$`)

func size(field func(*Config) *int64) parser {
	return func(c *Config, value string) string {
		m := sizeForm.FindStringSubmatch(value)
		if m == nil {
			return fmt.Sprintf("is %q, which is no size", value)
		}
		unit, ok := units[strings.ToUpper(m[2])]
		n, err := strconv.ParseFloat(m[1], 64)
		bytes := n * unit
		if !ok || err != nil || bytes < 1 || bytes > math.MaxInt64/2 {
			return fmt.Sprintf("is %q, which is no size", value)
		}
		*field(c) = int64(bytes)
		return ""
	}
}

var (
	postgresURL = regexp.MustCompile(`^postgres(ql)?(\+\w+)?://`)
	keyValue    = regexp.MustCompile(`^\s*\w+\s*=`)
)

// dsn looks no further than the scheme: what is behind it is the adapter's to read. The value is never repeated.
func dsn(field func(*Config) *string) parser {
	return func(c *Config, value string) string {
		if !postgresURL.MatchString(value) && !keyValue.MatchString(value) {
			return "is no PostgreSQL address"
		}
		*field(c) = value
		return ""
	}
}

func redisURL(c *Config, value string) string {
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok || rest == "" || !slices.Contains([]string{"redis", "rediss", "redis+socket", "unix", "sentinel"}, scheme) {
		return "is no Redis address"
	}
	c.RedisURL = value
	return ""
}

func endpoint(field func(*Config) *string) parser {
	return func(c *Config, value string) string {
		if strings.Contains(value, "://") {
			return fmt.Sprintf("is %q, with a scheme (MINIO_SECURE says whether it is TLS)", value)
		}
		if strings.ContainsAny(value, "/@ ?#") {
			return fmt.Sprintf("is %q", value)
		}
		*field(c) = value
		return ""
	}
}

func publicEndpoint(c *Config, value string) string {
	address := value
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil:
		return "is no address"
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return fmt.Sprintf("is %q, with a path, which signed links cannot have", value)
	}
	c.Storage.PublicEndpoint = strings.TrimSuffix(value, "/")
	return ""
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func bucket(c *Config, value string) string {
	if !bucketName.MatchString(value) {
		return fmt.Sprintf("is %q", value)
	}
	c.Storage.Bucket = value
	return ""
}

func secretKey(c *Config, value string) string {
	if value == Placeholder {
		return "is still the placeholder " + Placeholder
	}
	c.SecretKey = value
	return ""
}

func address(field func(*Config) *string) parser {
	return func(c *Config, value string) string {
		_, port, err := net.SplitHostPort(value)
		if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n > 65535 {
			return fmt.Sprintf("is %q, which is not host:port", value)
		}
		*field(c) = value
		return ""
	}
}

func publicURL(c *Config, value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "is no http or https address"
	}
	c.PublicURL = strings.TrimRight(value, "/")
	return ""
}

func aiBaseURL(c *Config, value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "is no http or https address without a name, password or query"
	}
	c.AI.BaseURL = strings.TrimRight(value, "/")
	return ""
}

func list(value string) []string {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" && !slices.Contains(items, item) {
			items = append(items, item)
		}
	}
	return items
}

func proxies(c *Config, value string) string {
	for _, item := range list(value) {
		_, prefixErr := netip.ParsePrefix(item)
		_, addrErr := netip.ParseAddr(item)
		if prefixErr != nil && addrErr != nil {
			return fmt.Sprintf("names %q, which is neither an address nor a network", item)
		}
	}
	c.TrustedProxies = list(value)
	return ""
}

func mimeTypes(c *Config, value string) string {
	items := list(strings.ToLower(value))
	if slices.Contains(items, "*") || slices.Contains(items, "*/*") {
		c.AllowedTypes = nil
		return ""
	}
	for _, item := range items {
		bare, params, err := mime.ParseMediaType(item)
		if err != nil || len(params) > 0 || bare != item || !strings.Contains(bare, "/") || strings.Contains(bare, "*") {
			return fmt.Sprintf("names %q, which is no content type", item)
		}
	}
	if len(items) == 0 {
		return "names no content type"
	}
	c.AllowedTypes = items
	return ""
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_.:@-]{1,200}$`)

func queues(c *Config, value string) string {
	items := list(value)
	for _, item := range items {
		if !queueName.MatchString(item) {
			return fmt.Sprintf("names %q, which is no queue", item)
		}
	}
	if len(items) == 0 {
		return "names no queue"
	}
	c.Queues = items
	return ""
}

var nodeName = regexp.MustCompile(`^[^\s@,]+(@[^\s@,]+)?$`)

func workerName(c *Config, value string) string {
	if !nodeName.MatchString(value) {
		return fmt.Sprintf("is %q", value)
	}
	c.WorkerName = value
	return ""
}

func logLevel(c *Config, value string) string {
	var level slog.Level
	if err := level.UnmarshalText([]byte(value)); err != nil {
		return fmt.Sprintf("is %q", value)
	}
	c.LogLevel = level
	return ""
}
