package serve

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const secretsFile = "secrets.json"

// secrets are what a data folder has made for itself. They stay the same over its life: links are signed with one, and the
// database's roles have the others.
type secrets struct {
	SecretKey       string `json:"secret_key"`
	AppPassword     string `json:"app_password"`
	MigratePassword string `json:"migrate_password"`
}

// openSecrets reads the file, or makes it, for this user alone to read. It appears whole or not at all.
func openSecrets(path string) (secrets, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecrets(path)
	}
	var s secrets
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil || s.SecretKey == "" || s.AppPassword == "" || s.MigratePassword == "" {
		return s, fmt.Errorf("%s cannot be used (%w); restore it, or move it away: links that were given out then end", path, orEmpty(err))
	}
	return s, nil
}

func orEmpty(err error) error {
	if err == nil {
		return errors.New("something is missing in it")
	}
	return err
}

func makeSecrets(path string) (secrets, error) {
	s := secrets{SecretKey: rand.Text() + rand.Text(), AppPassword: rand.Text(), MigratePassword: rand.Text()}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return s, fmt.Errorf("write the secrets: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".secrets-*") // mode 0600
	if err != nil {
		return s, fmt.Errorf("keep the secrets: %w", err)
	}
	_, err = temp.Write(append(text, '\n'))
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return s, fmt.Errorf("keep the secrets: %w", errors.Join(err, os.Remove(temp.Name())))
	}
	return s, nil
}
