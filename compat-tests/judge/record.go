package judge

import (
	"context"
	"errors"
	"fmt"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// Record asks a real Apache Kafka every question twice, on brokers of their own. Where the answers differ, or a case can't be
// brought to its question, it returns an error together with the answers of the first round: what is not stable must be
// masked or asked in another way, on purpose.
func Record(ctx context.Context, all []script.Case) (Answers, error) {
	first, err := AskAll(ctx, launch.Kafka, all)
	if err != nil {
		return first.Answers, err
	}
	second, err := AskAll(ctx, launch.Kafka, all)
	if err != nil {
		return first.Answers, err
	}
	var errs []error
	for _, c := range all {
		if err := errors.Join(first.Errors[c.Name], second.Errors[c.Name]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
		}
		for _, d := range Compare(c.Name, first.Answers[c.Name], second.Answers[c.Name]) {
			errs = append(errs, fmt.Errorf("%w: %s: %s: first %s, then %s", ErrUnstable, d.Case, d.Field, d.Kafka, d.Ours))
		}
	}
	return first.Answers, errors.Join(errs...)
}
