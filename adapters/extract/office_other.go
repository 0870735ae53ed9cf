//go:build !linux

package extract

import "log/slog"

const officeRole = "office"

// officeCommand starts LibreOffice itself: nothing here could confine it, so a required sandbox leaves it out.
func officeCommand(cfg Config) []string { return []string{cfg.Soffice} }

func becomeOffice([]string, *slog.Logger) int { return exitOffice }
