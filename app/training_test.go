package app_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// school is a house that learns.
type school struct {
	*house
	models  *app.Models
	trainer *app.Trainer
}

func newSchool(t *testing.T) *school {
	t.Helper()
	s := &school{house: newHouse(t)}
	s.models, s.trainer = s.replica()
	return s
}

// replica is the models and the trainer of another worker.
func (s *school) replica() (*app.Models, *app.Trainer) {
	models := app.NewModels(app.ModelsDeps{Storage: s.storage, Learner: memory.Learner{}, Untrained: &memory.Classifier{}, Now: s.clock.Now})
	return models, app.NewTrainer(app.TrainerDeps{Storage: s.storage, Repo: s.repo, Learner: memory.Learner{}, Models: models, Queue: s.queue, Least: 1, Now: s.clock.Now})
}

// modelNames returns the keys of all models.
func (s *school) modelNames(t *testing.T) (names []string) {
	t.Helper()
	for _, name := range s.objects(t) {
		if strings.HasSuffix(name, ".model") {
			names = append(names, name)
		}
	}
	return names
}

// filed adds a topic and a document about something that its name does not say, processes it and files it there.
func (s *school) filed(t *testing.T, name, text string) domain.Topic {
	t.Helper()
	topic, err := s.AddTopic(t.Context(), domain.Nobody, name, "", "")
	if err != nil {
		t.Fatal(err)
	}
	doc := s.upload(t, uuid.NewString()+".txt", text)
	s.work(t)
	if _, err := s.AcceptTopic(t.Context(), domain.Nobody, doc.ID, topic.ID); err != nil {
		t.Fatal(err)
	}
	return topic
}

func (s *school) topics(t *testing.T) []domain.Topic {
	t.Helper()
	topics, err := s.repo.TopicsOf(t.Context(), domain.Nobody)
	if err != nil {
		t.Fatal(err)
	}
	return topics
}

func suggests(t *testing.T, c ports.Classifier, text string, topics []domain.Topic) domain.TopicID {
	t.Helper()
	found, err := c.Classify(t.Context(), text, topics)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		return domain.TopicID{}
	}
	return found[0].Topic
}

// trainings runs every training that is asked for and due, and returns how many there were.
func (s *school) trainings(t *testing.T) (ran int) {
	t.Helper()
	for ran < 100 && s.queue.Train(t.Context(), s.clock.Now(), s.trainer.Train) {
		ran++
	}
	return ran
}

func TestDecisionsAreLearnt(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	topic := s.filed(t, "Sailing", "boats in the harbour")
	if got := suggests(t, s.models, "boats in the storm", s.topics(t)); got != (domain.TopicID{}) {
		t.Errorf("before anything is learnt, %s is suggested", got)
	}
	if n := s.trainings(t); n != 0 {
		t.Errorf("%d trainings ran at once", n)
	}
	s.clock.advance(time.Minute)
	if n := s.trainings(t); n != 1 {
		t.Errorf("%d trainings ran after a minute", n)
	}
	other, _ := s.replica()
	for _, models := range []*app.Models{s.models, other} {
		if got := suggests(t, models, "boats in the storm", s.topics(t)); got != topic.ID {
			t.Errorf("after the training, %s is suggested", got)
		}
	}
	names := s.modelNames(t)
	if len(names) != 1 || !strings.HasPrefix(names[0], domain.Nobody.String()+"/"+uuid.Nil.String()+"/") {
		t.Errorf("the models are %v", names)
	}
}

// TestABurstIsOneTraining: decisions in a row ask once, and what they decide is all in that one training.
func TestABurstIsOneTraining(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	var topics []domain.Topic
	for i := range 20 {
		topics = append(topics, s.filed(t, fmt.Sprintf("Topic%d", i), fmt.Sprintf("matter%d thing%d", i, i)))
		s.clock.advance(2 * time.Second)
	}
	s.clock.advance(20 * time.Second)
	if n := s.trainings(t); n != 1 {
		t.Fatalf("%d trainings ran", n)
	}
	for i, topic := range topics {
		if got := suggests(t, s.models, fmt.Sprintf("matter%d thing%d", i, i), topics); got != topic.ID {
			t.Errorf("decision %d was not learnt", i)
		}
	}
	// Nothing is new: asked for again, nothing is made again.
	before := s.modelNames(t)
	if err := s.trainer.Train(t.Context(), domain.Nobody); err != nil || !slices.Equal(s.modelNames(t), before) {
		t.Errorf("another training made %v of %v, error %v", s.modelNames(t), before, err)
	}
}

// TestNewerModelsSupersede: every replica comes to use the newest within half a minute, and older ones are removed.
func TestNewerModelsSupersede(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	other, _ := s.replica()
	first := s.filed(t, "Sailing", "boats in the harbour")
	if err := s.trainer.Train(t.Context(), domain.Nobody); err != nil {
		t.Fatal(err)
	}
	old := s.modelNames(t)
	if got := suggests(t, other, "boats in the harbour", s.topics(t)); got != first.ID {
		t.Fatalf("%s is suggested", got)
	}
	s.clock.advance(time.Second)
	second := s.filed(t, "Chess", "knights and pawns")
	if err := s.trainer.Train(t.Context(), domain.Nobody); err != nil {
		t.Fatal(err)
	}
	if now := s.modelNames(t); len(now) != 1 || now[0] == old[0] {
		t.Errorf("after %v the models are %v", old, now)
	}
	s.clock.advance(time.Second)
	gets := 0
	s.storage.Before(func(_ context.Context, op memory.StorageOp, _ domain.ObjectKey) error {
		if op == memory.GetOp {
			gets++
		}
		return nil
	})
	if got := suggests(t, other, "knights and pawns", s.topics(t)); got != (domain.TopicID{}) {
		t.Errorf("a second later, %s is suggested", got)
	}
	s.clock.advance(30 * time.Second)
	for range 10 {
		if got := suggests(t, other, "knights and pawns", s.topics(t)); got != second.ID {
			t.Errorf("half a minute later, %s is suggested", got)
		}
	}
	if gets != 1 {
		t.Errorf("the model was fetched %d times", gets)
	}
}

// TestModelsOutliveStorage: a storage that is away, or a model that is damaged, keeps nothing from being classified.
func TestModelsOutliveStorage(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	topic := s.filed(t, "Sailing", "boats in the harbour")
	if err := s.trainer.Train(t.Context(), domain.Nobody); err != nil {
		t.Fatal(err)
	}
	topics := s.topics(t)
	if got := suggests(t, s.models, "boats in the harbour", topics); got != topic.ID {
		t.Fatalf("%s is suggested", got)
	}
	s.storage.Down()
	s.clock.advance(time.Hour)
	if got := suggests(t, s.models, "boats in the harbour", topics); got != topic.ID {
		t.Errorf("while storage is away, %s is suggested", got)
	}
	fresh, _ := s.replica()
	if got := suggests(t, fresh, "sailing today", topics); got != topic.ID {
		t.Errorf("without a model, %s is suggested", got)
	}
	s.storage.Up()

	s.clock.advance(time.Hour)
	damaged := domain.NewModelKey(domain.Nobody, uuid.New())
	if _, err := s.storage.Put(t.Context(), damaged, strings.NewReader("DVTM, or so it says"), -1, ""); err != nil {
		t.Fatal(err)
	}
	if got := suggests(t, s.models, "sailing today", topics); got != topic.ID {
		t.Errorf("with a damaged model, %s is suggested", got)
	}
	s.clock.advance(time.Hour)
	if err := s.trainer.Train(t.Context(), domain.Nobody); err != nil {
		t.Fatal(err)
	}
	if got := suggests(t, s.models, "boats in the harbour", topics); got != topic.ID || len(s.modelNames(t)) != 1 {
		t.Errorf("after a training, %s is suggested by %v", got, s.modelNames(t))
	}
}

// TestLostTrainingsAreFound: whatever becomes of the queue, a look at the models asks for those that are behind.
func TestLostTrainingsAreFound(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.filed(t, "Sailing", "boats in the harbour")
	s.queue.Lose()
	if asked, err := s.trainer.Check(t.Context()); asked != 1 || err != nil {
		t.Fatalf("%d trainings asked for, error %v", asked, err)
	}
	if n := s.trainings(t); n != 1 || len(s.modelNames(t)) != 1 {
		t.Errorf("%d trainings made %v", n, s.modelNames(t))
	}
	if asked, err := s.trainer.Check(t.Context()); asked != 0 || err != nil {
		t.Errorf("with nothing new, %d trainings asked for, error %v", asked, err)
	}
	s.queue.Fail(errDown)
	s.filed(t, "Chess", "knights and pawns") // a queue that is down fails no decision
	if _, err := s.trainer.Check(t.Context()); domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("with the queue down: %v", err)
	}
	s.queue.Fail(nil)
	if asked, err := s.trainer.Check(t.Context()); asked != 1 || err != nil {
		t.Errorf("with the queue back, %d trainings asked for, error %v", asked, err)
	}
}

func TestOwnersLearnApart(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.filed(t, "Sailing", "boats in the harbour")
	owner := domain.Owner(uuid.New())
	theirs, err := s.AddTopic(t.Context(), owner, "Sailing", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Upload(t.Context(), owner, app.NewUpload{Name: "a.txt", Content: strings.NewReader("nothing in common"), Size: -1}); err != nil {
		t.Fatal(err)
	}
	s.work(t)
	for _, who := range []domain.Owner{domain.Nobody, owner} {
		if err := s.trainer.Train(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
	if names := s.modelNames(t); len(names) != 2 {
		t.Errorf("the models are %v", names)
	}
	if got := suggests(t, s.models, "boats in the harbour", []domain.Topic{theirs}); got != (domain.TopicID{}) {
		t.Errorf("another owner's decision suggests %s", got)
	}
}

func TestTrainingFailures(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.filed(t, "Sailing", "boats in the harbour")
	many := app.NewTrainer(app.TrainerDeps{Storage: s.storage, Repo: s.repo, Learner: memory.Learner{}, Models: s.models, Queue: s.queue, Now: s.clock.Now})
	if err := many.Train(t.Context(), domain.Nobody); err != nil || len(s.modelNames(t)) != 0 {
		t.Errorf("a single document: %v, %v", err, s.modelNames(t))
	}
	for _, method := range []string{"TopicsOf", "LearningState", "Examples"} {
		s.repo.Fail(method, errDown)
		mustCode(t, s.trainer.Train(t.Context(), domain.Nobody), domain.Unavailable)
		s.repo.Fail(method, nil)
	}
	s.storage.Down()
	mustCode(t, s.trainer.Train(t.Context(), domain.Nobody), domain.Unavailable)
	s.storage.Up()
	if names := s.modelNames(t); len(names) != 0 {
		t.Errorf("failed trainings left %v", names)
	}
	if err := s.trainer.Train(t.Context(), domain.Owner(uuid.New())); err != nil || len(s.modelNames(t)) != 0 {
		t.Errorf("an owner without topics: %v, %v", err, s.modelNames(t))
	}
}

// TestSweepKeepsCurrentModels, removes others once they are old, and those of owners who have no topics.
func TestSweepKeepsCurrentModels(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	put := func(owner domain.Owner) string {
		key := domain.NewModelKey(owner, uuid.New())
		if _, err := s.storage.Put(t.Context(), key, strings.NewReader("a model"), -1, ""); err != nil {
			t.Fatal(err)
		}
		return key.String()
	}
	s.filed(t, "Sailing", "boats in the harbour")
	stale := put(domain.Nobody)
	s.clock.advance(time.Second)
	current := put(domain.Nobody)
	gone := put(domain.Owner(uuid.New()))
	young := app.SweepOptions{Delete: true}
	if report, err := s.sweeper.Sweep(t.Context(), young); err != nil || report.Removed != 0 || len(s.modelNames(t)) != 3 {
		t.Fatalf("within the grace: %+v, %v", report, err)
	}
	s.clock.advance(48 * time.Hour)
	var removed []string
	report, err := s.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true, Found: func(f app.Finding) { removed = append(removed, f.Object) }})
	slices.Sort(removed)
	want := []string{stale, gone}
	slices.Sort(want)
	if err != nil || !slices.Equal(removed, want) || report.Models != 1 || !slices.Equal(s.modelNames(t), []string{current}) {
		t.Errorf("removed %v, left %v, %+v, %v", removed, s.modelNames(t), report, err)
	}
}

// TestAModelIsNoRow: where no row names any object, the database is the wrong one, whatever models there are.
func TestAModelIsNoRow(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	if _, err := s.AddTopic(t.Context(), domain.Nobody, "Sailing", "", ""); err != nil {
		t.Fatal(err)
	}
	doc := domain.NewObjectKey(domain.Nobody, domain.DocumentID(uuid.New()), uuid.New(), "a.txt")
	for _, key := range []domain.ObjectKey{doc, domain.NewModelKey(domain.Nobody, uuid.New())} {
		if _, err := s.storage.Put(t.Context(), key, strings.NewReader("x"), -1, ""); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.advance(48 * time.Hour)
	_, err := s.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true})
	if domain.ErrorReason(err) != "mass_removal" || len(s.objects(t)) != 2 {
		t.Errorf("%v, %v left", err, s.objects(t))
	}
}

func TestFallback(t *testing.T) {
	t.Parallel()
	topics := []domain.Topic{{ID: domain.TopicID(uuid.New()), Name: "Sailing"}}
	first, second := &memory.Classifier{}, &memory.Classifier{}
	second.Answer(domain.Suggestion{Topic: topics[0].ID, Confidence: 0.5, By: "second"})
	f := app.NewFallback(first, second, nil)
	if found, err := f.Classify(t.Context(), "sailing", topics); err != nil || len(found) != 1 || found[0].By != "" || second.Calls() != 0 {
		t.Errorf("%+v, %v, %d calls", found, err, second.Calls())
	}
	if found, err := f.Classify(t.Context(), "chess", topics); err != nil || len(found) != 0 || second.Calls() != 0 {
		t.Errorf("an answer of none is an answer: %+v, %v", found, err)
	}
	first.Fail(domain.Wrap(domain.Unavailable, io.ErrUnexpectedEOF, "it did not answer in time"))
	if found, err := f.Classify(t.Context(), "sailing", topics); err != nil || len(found) != 1 || found[0].By != "second (memory was asked first, but it did not answer in time)" {
		t.Errorf("%+v, %v", found, err)
	}
	if f.Name() != "memory" {
		t.Errorf("its name is %s", f.Name())
	}
}
