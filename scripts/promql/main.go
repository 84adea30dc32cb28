// Promql answers queries over scrapes of /metrics by the engine of Prometheus itself, without a server of it.
//
// Standard input has JSON: scrapes in the order of their times, each a text with the times at which it was read (an empty
// one is a target that does not answer), and queries over a time in steps. Standard output has an answer for each query:
// its series, or why it is refused.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// format is what gatewatch says that /metrics is.
const format = "text/plain; version=0.0.4"

// A scrape is a text of one instance and the times, in seconds, at which it was read.
type scrape struct {
	Job      string
	Instance string
	Text     string
	Times    []int64
}

// A query is asked from Start to End every Step, in seconds.
type query struct {
	Expr             string
	Start, End, Step int64
}

// An answer has the series, or what is wrong; Notes are what Prometheus would warn of.
type answer struct {
	Series promql.Matrix `json:"series"`
	Notes  []string      `json:"notes"`
	Error  string        `json:"error,omitempty"`
}

func main() {
	log.SetFlags(0)
	var asked struct {
		Scrapes []scrape
		Queries []query
	}
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		log.Fatal("standard input: ", err)
	}
	kept := memory{}
	for _, one := range asked.Scrapes {
		if err := kept.take(one); err != nil {
			log.Fatalf("a scrape of %s: %v", one.Instance, err)
		}
	}
	// As Prometheus is by default.
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples:               50_000_000,
		Timeout:                  2 * time.Minute,
		LookbackDelta:            5 * time.Minute,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
	})
	answers := []answer{}
	for _, one := range asked.Queries {
		answers = append(answers, ask(engine, kept.queryable(), one))
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		log.Fatal(err)
	}
}

func ask(engine *promql.Engine, from storage.Queryable, one query) answer {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	step := time.Duration(one.Step) * time.Second
	asked, err := engine.NewRangeQuery(context.Background(), from, nil, one.Expr, at(one.Start), at(one.End), step)
	if err != nil {
		return answer{Error: err.Error()}
	}
	result := asked.Exec(context.Background())
	series, err := result.Matrix() // kept to the end: closing the query would give its points to the next one
	if err != nil {
		return answer{Error: err.Error()}
	}
	said := answer{Series: series, Notes: []string{}}
	for _, note := range result.Warnings.AsErrors() {
		said.Notes = append(said.Notes, note.Error())
	}
	return said
}

// memory has every series by its labels.
type memory map[string]*promql.Series

// take reads a text as Prometheus reads what it scrapes, and tells of `up` as it does.
func (kept memory) take(one scrape) error {
	up := 0.0
	if one.Text != "" {
		up = 1
	}
	kept.put(one, labels.FromStrings(labels.MetricName, "up"), up)
	parser, err := textparse.New([]byte(one.Text), format, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return err
	}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		_, at, value := parser.Series()
		if at != nil {
			return errors.New("a sample has a time of its own, which gatewatch never gives")
		}
		var found labels.Labels
		parser.Labels(&found)
		kept.put(one, found, value)
	}
}

func (kept memory) put(one scrape, found labels.Labels, value float64) {
	named := labels.NewBuilder(found).Set("job", one.Job).Set("instance", one.Instance).Labels()
	series, known := kept[named.String()]
	if !known {
		series = &promql.Series{Metric: named}
		kept[named.String()] = series
	}
	for _, at := range one.Times {
		series.Floats = append(series.Floats, promql.FPoint{T: at * 1000, F: value})
	}
}

func (kept memory) queryable() storage.Queryable {
	choose := func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		chosen := &set{next: -1}
		for _, series := range kept {
			misses := func(one *labels.Matcher) bool { return !one.Matches(series.Metric.Get(one.Name)) }
			if !slices.ContainsFunc(matchers, misses) {
				chosen.series = append(chosen.series, *series)
			}
		}
		slices.SortFunc(chosen.series, func(a, b promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
		return chosen
	}
	return &storage.MockQueryable{MockQuerier: &storage.MockQuerier{SelectMockFunction: choose}}
}

// set walks over chosen series.
type set struct {
	series []promql.Series
	next   int
}

func (chosen *set) Next() bool                        { chosen.next++; return chosen.next < len(chosen.series) }
func (chosen *set) At() storage.Series                { return promql.NewStorageSeries(chosen.series[chosen.next]) }
func (chosen *set) Err() error                        { return nil }
func (chosen *set) Warnings() annotations.Annotations { return nil }
