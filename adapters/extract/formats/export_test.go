package formats

// Sharing returns a reader with other limits that uses this one's engines, which are loaded if they are not yet. It is not to be
// closed.
func (r *Reader) Sharing(limits Limits, setup Setup) (*Reader, error) {
	r.setup.CacheDir = setup.CacheDir
	if err := r.Warm(PDFium | Tesseract | Libheif); err != nil {
		return nil, err
	}
	shared := *r
	shared.limits, shared.setup = limits.WithDefaults(), setup
	return &shared, nil
}
