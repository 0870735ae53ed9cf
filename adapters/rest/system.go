package rest

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
)

// health says how everything the vault depends on is doing (D-07): 503 when the vault cannot work, or is shutting down.
func (a *API) health(c *gin.Context) {
	health := a.vault.Health(c.Request.Context())
	if a.draining.Load() {
		health.Status = app.HealthUnavailable
	}
	status := http.StatusOK
	if health.Status == app.HealthUnavailable {
		status = http.StatusServiceUnavailable
		c.Header("Retry-After", a.retryAfter())
	}
	answer(c, status, healthJSON{Status: string(health.Status), Checks: checksJSON{
		Postgres: toCheck(health.Postgres), Storage: toCheck(health.Storage), Redis: toCheck(health.Redis),
	}})
}

// live says that the process answers. It asks nobody.
func (a *API) live(c *gin.Context) { answer(c, http.StatusOK, liveJSON{Status: "ok"}) }

// readTask says where a background task stands. Celery allows any text as an id.
func (a *API) readTask(c *gin.Context) {
	id := c.Param("id")
	if len(id) > 255 || !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' }) {
		a.fail(c, domain.Errorf(domain.Malformed, "a task id is at most 255 bytes of text"))
		return
	}
	task, err := a.vault.Task(c.Request.Context(), ownerOf(c), domain.TaskID(id))
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(c, http.StatusOK, toTask(task))
}

// settings says what a client has to know of this installation.
func (a *API) settings(c *gin.Context) {
	cfg := a.vault.Config()
	answer(c, http.StatusOK, settingsJSON{
		Version: a.cfg.Version, Classifier: a.cfg.Classifier, MaxUploadBytes: cfg.MaxUpload,
		AllowedTypes: append([]string{}, cfg.AllowedTypes...), DefaultColor: string(domain.DefaultColor),
		AI: aiJSON{Provider: a.cfg.AIProvider, Host: orNull(a.cfg.AIHost)},
		Limits: limitsJSON{
			PageSizeDefault: defaultLimit, PageSizeMax: maxLimit, FilenameBytes: domain.MaxFileNameBytes,
			TopicsPerRequest: maxTopicIDs, TopicNameChars: domain.MaxTopicName, TopicDescribedChars: domain.MaxTopicDescribed,
			FolderNameChars: domain.MaxFolderName, FolderDepth: domain.MaxFolderDepth,
			LinkSecondsDefault: int(cfg.LinkTTL / time.Second), LinkSecondsMax: int(cfg.MaxLinkTTL / time.Second),
			RequestBodyBytes: maxJSONBody,
		},
	})
}
