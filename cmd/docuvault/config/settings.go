package config

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/docuvault/docuvault/adapters/filetype"
)

// Setting is one thing that can be set.
type Setting struct {
	Name     string // of the variable
	Flag     string // "" for secrets: command lines can be read by every user of the machine
	Group    string
	Default  string
	Help     string // one sentence, or two
	Example  string // what a right value looks like
	Secret   bool
	Use      Use
	Required Use // commands that refuse to start without it

	parse func(*Config, string) string // stores the value, or says what is wrong with it
}

// Backends of STORAGE_BACKEND.
const (
	BackendMinIO      = "minio"
	BackendFilesystem = "filesystem"
)

// Placeholder stands in .env.example for a secret nobody has chosen yet.
const Placeholder = "CHANGEME"

const (
	services = API | Worker | Sweep | Probe // what talks to PostgreSQL and storage
	running  = API | Worker | Up            // what stays
)

// Settings is the table of everything that can be set.
func Settings() []Setting {
	return []Setting{
		{Name: "DATABASE_URL", Group: "PostgreSQL", Secret: true, Use: services, Required: services,
			Help:    "The database, as role docuvault_app, which may read and write rows and nothing else. Addresses written for SQLAlchemy (postgresql+psycopg://…) are read too.",
			Example: "postgresql://docuvault_app:PASSWORD@postgres:5432/docuvault",
			parse:   dsn(func(c *Config) *string { return &c.DatabaseURL })},
		{Name: "DATABASE_MIGRATE_URL", Group: "PostgreSQL", Secret: true, Use: Schema, Required: Schema,
			Help:    "The same database as role docuvault_migrate, which owns the tables. Only `docuvault schema` reads it; never give it to api or worker.",
			Example: "postgresql://docuvault_migrate:PASSWORD@postgres:5432/docuvault",
			parse:   dsn(func(c *Config) *string { return &c.MigrateURL })},
		{Name: "DATABASE_SUPERUSER_URL", Group: "PostgreSQL", Secret: true, Use: InitRoles, Required: InitRoles,
			Help:    "The same database as a superuser, for `docuvault schema init-roles` alone.",
			Example: "postgresql://postgres:PASSWORD@postgres:5432/docuvault",
			parse:   dsn(func(c *Config) *string { return &c.SuperuserURL })},
		{Name: "DOCUVAULT_APP_PASSWORD", Group: "PostgreSQL", Secret: true, Use: InitRoles, Required: InitRoles,
			Help: "The password that init-roles gives to docuvault_app.", Example: "the output of: openssl rand -hex 24",
			parse: password(func(c *Config) *string { return &c.AppPassword })},
		{Name: "DOCUVAULT_MIGRATE_PASSWORD", Group: "PostgreSQL", Secret: true, Use: InitRoles, Required: InitRoles,
			Help: "The password that init-roles gives to docuvault_migrate.", Example: "the output of: openssl rand -hex 24",
			parse: password(func(c *Config) *string { return &c.MigratePassword })},
		{Name: "DATABASE_MAX_CONNS", Flag: "database-max-conns", Group: "PostgreSQL", Default: "20", Use: services | Up,
			Help: "How many connections one process opens at most.", Example: "a number from 2 to 1000",
			parse: number(2, 1000, func(c *Config) *int { return &c.MaxConns })},
		{Name: "STATEMENT_TIMEOUT", Flag: "statement-timeout", Group: "PostgreSQL", Default: "30s", Use: services | Up,
			Help: "How long one statement may take before the server cancels it.", Example: "a duration such as 30s",
			parse: duration(func(c *Config) *dur { return &c.StatementTimeout })},

		{Name: "REDIS_URL", Group: "Redis", Secret: true, Use: API | Worker | Probe | Queue, Required: API | Worker | Probe | Queue,
			Help: "The task queue and its results. Redis being down stops nothing: uploads are processed once it is back.", Example: "redis://:PASSWORD@redis:6379/0",
			parse: redisURL},

		{Name: "STORAGE_BACKEND", Flag: "storage-backend", Group: "Object storage", Default: BackendMinIO, Use: services,
			Help: "Where the bytes are: minio for any S3 server, filesystem for a folder that all processes share.", Example: "minio or filesystem",
			parse: oneOf(func(c *Config) *string { return &c.Storage.Backend }, BackendMinIO, BackendFilesystem)},
		{Name: "STORAGE_DIR", Flag: "storage-dir", Group: "Object storage", Use: services,
			Help: "The folder of STORAGE_BACKEND=filesystem.", Example: "/srv/docuvault/objects",
			parse: text(func(c *Config) *string { return &c.Storage.Dir })},
		{Name: "MINIO_ENDPOINT", Flag: "minio-endpoint", Group: "Object storage", Use: services,
			Help: "The S3 server.", Example: "host:port, without a scheme, such as minio:9000",
			parse: endpoint(func(c *Config) *string { return &c.Storage.Endpoint })},
		{Name: "MINIO_BUCKET", Flag: "minio-bucket", Group: "Object storage", Default: "docuvault", Use: services,
			Help: "The bucket. It is made at start if the key may.", Example: "3 to 63 lower-case letters, digits, dots and hyphens, such as docuvault",
			parse: bucket},
		{Name: "MINIO_ACCESS_KEY", Group: "Object storage", Secret: true, Use: services,
			Help: "A key that may read and write this bucket and nothing else.", Example: "docuvault_app",
			parse: text(func(c *Config) *string { return &c.Storage.AccessKey })},
		{Name: "MINIO_SECRET_KEY", Group: "Object storage", Secret: true, Use: services,
			Help: "The secret of MINIO_ACCESS_KEY.", Example: "the output of: openssl rand -hex 24",
			parse: text(func(c *Config) *string { return &c.Storage.SecretKey })},
		{Name: "MINIO_SECURE", Flag: "minio-secure", Group: "Object storage", Default: "false", Use: services,
			Help: "Whether the S3 server is reached by TLS.", Example: "true or false",
			parse: boolean(func(c *Config) *bool { return &c.Storage.Secure })},
		{Name: "MINIO_PUBLIC_ENDPOINT", Flag: "minio-public-endpoint", Group: "Object storage", Use: services,
			Help:    "The address at which browsers reach the S3 server: time-limited links are signed for it. Unset, they point at our API and are signed by us.",
			Example: "https://files.example.org, or host:port",
			parse:   publicEndpoint},
		{Name: "MINIO_REGION", Flag: "minio-region", Group: "Object storage", Use: services,
			Help: "The bucket's region. Unset, it is the one in the server's name, or us-east-1.", Example: "us-east-1",
			parse: text(func(c *Config) *string { return &c.Storage.Region })},

		{Name: "SECRET_KEY", Group: "API", Secret: true, Use: API, Required: API,
			Help: "The installation's secret, the same on every replica: what we sign is signed with keys derived from it. `up` makes one of its own.", Example: "the output of: openssl rand -hex 32",
			parse: secretKey},
		{Name: "LISTEN_ADDR", Flag: "listen", Group: "API", Default: "127.0.0.1:8000", Use: API | Up | Health,
			Help: "Where the API listens; port 0 takes a free one. There is no authentication yet: think before you leave loopback.", Example: "127.0.0.1:8000, or :8000 for every interface",
			parse: address(func(c *Config) *string { return &c.ListenAddr })},
		{Name: "PUBLIC_URL", Flag: "public-url", Group: "API", Use: API | Up,
			Help: "The address under which people reach the API, for the links we hand out. Unset, it is taken from the request.", Example: "https://vault.example.org",
			parse: publicURL},
		{Name: "TRUSTED_PROXIES", Flag: "trusted-proxies", Group: "API", Use: API | Up,
			Help: "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. Unset, nobody's are.", Example: "10.0.0.0/8,192.168.1.7",
			parse: proxies},
		{Name: "MAX_UPLOAD_BYTES", Flag: "max-upload-bytes", Group: "API", Default: "100MiB", Use: running,
			Help: "The largest document.", Example: "bytes, or a size such as 100MiB or 2GB",
			parse: size(func(c *Config) *int64 { return &c.MaxUpload })},
		{Name: "ALLOWED_MIME_TYPES", Flag: "allowed-mime-types", Group: "API", Default: strings.Join(filetype.DefaultTypes(), ","), Use: API | Up,
			Help: "The content types that are kept, as found in the bytes, whatever the browser says they are; * keeps every type.", Example: "application/pdf,text/plain",
			parse: mimeTypes},
		{Name: "CORS_ORIGINS", Flag: "cors-origins", Group: "API", Use: API | Up,
			Help: "Pages of other hosts that may use the API from a browser, by their origins. Unset, none may.", Example: "https://app.example.org,http://localhost:5173",
			parse: origins},
		{Name: "UPLOAD_RATE_LIMIT", Flag: "upload-rate-limit", Group: "API", Use: API | Up,
			Help: "How many uploads one client may send in a second, minute or hour; IPv6 clients count by their /64 network. Unset, there is no limit. While Redis is down nothing is limited.", Example: "a number and s, m or h, such as 60/m",
			parse: rate(func(c *Config) *Rate { return &c.UploadRate })},

		{Name: "WORKER_CONCURRENCY", Flag: "concurrency", Group: "Worker", Default: "0", Use: Worker | Up,
			Help: "How many documents one worker has in hand at once; 0 is four for each CPU, at most 32. No more are read at a time than there are CPUs.", Example: "a number from 0 to 256",
			parse: number(0, 256, func(c *Config) *int { return &c.Concurrency })},
		{Name: "WORKER_QUEUES", Flag: "queues", Group: "Worker", Default: "documents,docuvault", Use: Worker | Queue,
			Help: "The queues to take tasks from, or to look at. Python's workers share documents; docuvault is Go's alone.", Example: "documents,docuvault",
			parse: queues},
		{Name: "WORKER_HOSTNAME", Flag: "hostname", Group: "Worker", Use: Worker,
			Help: "The worker's name, which no other worker may have. Unset, it is made of the process and the machine.", Example: "celery@worker-1",
			parse: workerName},
		{Name: "EXTRACT_TIMEOUT", Flag: "extract-timeout", Group: "Worker", Default: "60s", Use: Worker | Up,
			Help: "How long reading one document may take before it fails; each image or scanned page in it may take as long again.", Example: "a duration such as 60s",
			parse: duration(func(c *Config) *dur { return &c.ExtractTimeout })},
		{Name: "EXTRACT_CACHE_DIR", Flag: "extract-cache-dir", Group: "Worker", Use: Worker | Up,
			Help: "Where the compiled readers of PDFs and scans are kept between starts. Unset, it is the user's cache folder; - is nowhere, which makes the first ones slow. It holds no document.", Example: "/var/cache/docuvault",
			parse: text(func(c *Config) *string { return &c.ExtractCacheDir })},
		{Name: "EXTRACT_SANDBOX", Flag: "extract-sandbox", Group: "Worker", Default: "auto", Use: Worker | Up,
			Help: "What to do where the processes that read documents cannot be confined by every layer (on anything but Linux, or where a container forbids it): auto logs what is missing, require refuses to start.", Example: "auto or require",
			parse: oneOf(func(c *Config) *string { return &c.ExtractSandbox }, "auto", "require")},
		{Name: "SOFFICE_PATH", Flag: "soffice-path", Group: "Worker", Use: Worker | Up,
			Help: "LibreOffice's program, which Word, Excel and PowerPoint's old formats (doc, xls, ppt) need to be read. Unset, they are kept unread.", Example: "/usr/bin/soffice",
			parse: text(func(c *Config) *string { return &c.SofficePath })},
		{Name: "OCR_ENGINE", Flag: "ocr-engine", Group: "Worker", Default: "wasm", Use: Worker | Up,
			Help: "What reads images and scanned pages: wasm is Tesseract inside this program, native the program of that name on this machine, off leaves them without text. All workers need the same.", Example: "wasm, native or off",
			parse: oneOf(func(c *Config) *string { return &c.OCREngine }, "wasm", "native", "off")},
		{Name: "TESSERACT_PATH", Flag: "tesseract-path", Group: "Worker", Default: "tesseract", Use: Worker | Up,
			Help: "The program that OCR_ENGINE=native runs. Its version decides the text, so all workers need the same.", Example: "/usr/bin/tesseract, or a name on PATH",
			parse: text(func(c *Config) *string { return &c.TesseractPath })},
		{Name: "OCR_LANGUAGES", Flag: "ocr-languages", Group: "Worker", Default: "eng", Use: Worker | Up,
			Help: "The languages of scanned pages by Tesseract's names, the likeliest first. English is built in, others need TESSDATA_DIR; the native program has its own. All workers need the same.", Example: "eng+deu",
			parse: text(func(c *Config) *string { return &c.OCRLanguages })},
		{Name: "TESSDATA_DIR", Flag: "tessdata-dir", Group: "Worker", Use: Worker | Up,
			Help: "The folder with Tesseract's data, a file such as deu.traineddata for each language. Its English, if it has one, is used instead of the one built in; unset, the native program uses the data installed with it.", Example: "/usr/share/tesseract-ocr/5/tessdata",
			parse: text(func(c *Config) *string { return &c.TessdataDir })},
		{Name: "OCR_MAX_PAGES", Flag: "ocr-max-pages", Group: "Worker", Default: "100", Use: Worker | Up,
			Help: "How many images and scanned pages of one document are read; what is left out is recorded. Each may take as long as EXTRACT_TIMEOUT.", Example: "100",
			parse: number(1, 10_000, func(c *Config) *int { return &c.OCRMaxPages })},

		{Name: "AI_PROVIDER", Flag: "ai-provider", Group: "Language model", Default: AIOff, Use: running,
			Help: "Who files documents beside the built-in classifier, which is asked where there is no answer: openai for every server that speaks OpenAI's chat completions (Ollama, LM Studio and vLLM too), anthropic for Anthropic's messages. While it is off, nothing is sent anywhere.", Example: "off, openai or anthropic",
			parse: oneOf(func(c *Config) *string { return &c.AI.Provider }, AIOff, "openai", "anthropic")},
		{Name: "AI_BASE_URL", Flag: "ai-base-url", Group: "Language model", Use: running,
			Help: "The server's address. Unset, it is the provider's own.", Example: "http://127.0.0.1:11434, or https://api.openai.com",
			parse: aiBaseURL},
		{Name: "AI_MODEL", Flag: "ai-model", Group: "Language model", Use: running,
			Help: "The model to ask.", Example: "llama3.2",
			parse: text(func(c *Config) *string { return &c.AI.Model })},
		{Name: "AI_API_KEY", Group: "Language model", Secret: true, Use: Worker | Up,
			Help: "The key of that server. A server of your own may need none.", Example: "the key that the provider gave you",
			parse: password(func(c *Config) *string { return &c.AI.APIKey })},
		{Name: "AI_TIMEOUT", Flag: "ai-timeout", Group: "Language model", Default: "30s", Use: Worker | Up,
			Help: "How long one request may take. A server that is busy or failing is asked up to three times.", Example: "a duration such as 30s",
			parse: duration(func(c *Config) *dur { return &c.AI.Timeout })},
		{Name: "AI_MAX_TEXT", Flag: "ai-max-text", Group: "Language model", Default: "16KiB", Use: Worker | Up,
			Help: "How much of a document is sent, from its beginning.", Example: "bytes, or a size such as 16KiB",
			parse: size(func(c *Config) *int64 { return &c.AI.MaxText })},

		{Name: "DOCUVAULT_DATA", Flag: "data", Group: "up", Use: Up,
			Help:    "The folder in which `docuvault up` keeps everything. Unset, it is docuvault in the user's data folder, or /var/lib/docuvault for root.",
			Example: "/srv/docuvault",
			parse:   text(func(c *Config) *string { return &c.DataDir })},

		{Name: "METRICS_ADDR", Flag: "metrics-addr", Group: "Watching", Use: running,
			Help: "Where Prometheus finds /metrics, and Go's tools /debug/pprof; port 0 takes a free one. Whoever reaches it can read the process's memory: keep it on loopback or a private network. Unset, there is neither.", Example: "127.0.0.1:9100",
			parse: address(func(c *Config) *string { return &c.MetricsAddr })},
		{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Flag: "otlp-endpoint", Group: "Watching", Use: running,
			Help: "The OpenTelemetry collector that traces are sent to, by OTLP over HTTP. Unset, nothing is traced.", Example: "http://collector:4318",
			parse: tracesURL},
		{Name: "OTEL_EXPORTER_OTLP_HEADERS", Group: "Watching", Secret: true, Use: running,
			Help: "Headers of every request to the collector.", Example: "Authorization=Bearer%20TOKEN,X-Tenant=vault",
			parse: traceHeaders},
		{Name: "OTEL_TRACES_SAMPLER_ARG", Flag: "trace-share", Group: "Watching", Default: "1", Use: running,
			Help: "The share of traces that is kept, the same on every api and worker.", Example: "a number from 0 to 1, such as 0.1",
			parse: share},

		{Name: "LOG_LEVEL", Flag: "log-level", Group: "Every command", Default: "info", Use: running | Sweep | Schema | InitRoles,
			Help: "What is logged. Unless this is set, up logs from warn.", Example: "debug, info, warn or error",
			parse: logLevel},
		{Name: "LOG_FORMAT", Flag: "log-format", Group: "Every command", Default: "text", Use: running | Sweep | Schema | InitRoles,
			Help: "How it is logged, on standard error.", Example: "text or json",
			parse: oneOf(func(c *Config) *string { return &c.LogFormat }, "text", "json")},
		{Name: "SHUTDOWN_TIMEOUT", Flag: "shutdown-timeout", Group: "Every command", Default: "20s", Use: running,
			Help: "How long requests and tasks under way may take to finish after the first signal. Then they are cancelled; a second signal ends the program at once.", Example: "a duration such as 20s",
			parse: duration(func(c *Config) *dur { return &c.ShutdownTimeout })},
	}
}

// AddFlags gives flags for the settings that a command reads.
func AddFlags(flags *pflag.FlagSet, use Use) {
	for _, s := range Settings() {
		if s.Flag == "" || s.Use&use == 0 {
			continue
		}
		help := s.Help + " [" + s.Name + "]\n" + s.hint()
		switch {
		case len(s.Default) > 60:
			help += "; default: the list in docs/configuration.md"
		case s.Default != "":
			help += "; default " + s.Default
		}
		flags.String(s.Flag, "", strings.ReplaceAll(help, "`", "")) // backticks would name the value
	}
}

// show is the value as people may see it.
func (s Setting) show(value string) string {
	if s.Secret && value != "" {
		return "***"
	}
	return value
}

func (s Setting) hint() string { return "set it to " + s.Example }
