package handlers

// topicPartition names a partition by its topic's name.
type topicPartition struct {
	topic     string
	partition int32
}

// topicGroups gathers what is said of partitions under their topics. A request may name
// a topic in several places and a partition several times; Kafka gathers them in maps,
// so its answer names each once. Here the order of first mention is kept.
type topicGroups[P any] struct {
	topics []topicGroup[P]
	topic  map[string]int            // place in topics
	seen   map[topicPartition][2]int // place in topics, and in its partitions
}

type topicGroup[P any] struct {
	name       string
	partitions []P
}

func newTopicGroups[P any](topics int) *topicGroups[P] {
	return &topicGroups[P]{
		topics: make([]topicGroup[P], 0, topics),
		topic:  make(map[string]int, topics),
		seen:   make(map[topicPartition][2]int, topics),
	}
}

// at returns the place for what is said of a partition, and whether something was said
// there before. The pointer is valid until the next call.
func (g *topicGroups[P]) at(topic string, partition int32) (p *P, again bool) {
	key := topicPartition{topic, partition}
	if place, ok := g.seen[key]; ok {
		return &g.topics[place[0]].partitions[place[1]], true
	}
	i, ok := g.topic[topic]
	if !ok {
		i = len(g.topics)
		g.topic[topic] = i
		g.topics = append(g.topics, topicGroup[P]{name: topic})
	}
	t := &g.topics[i]
	g.seen[key] = [2]int{i, len(t.partitions)}
	var zero P
	t.partitions = append(t.partitions, zero)
	return &t.partitions[len(t.partitions)-1], false
}
