# Clatter: every target with a help line is part of the interface; scripts live beside what they set up.
SHELL := /bin/bash
GO ?= go
TOOLS := $(CURDIR)/.tools
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.DEFAULT_GOAL := help
.PHONY: help run build test unit race lint vet verify cross fuzz bench compat soak docker judge-record

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

run: build ## build and start a broker on localhost:9092, data in ./clatter-data
	exec ./bin/clatter serve

build: ## build bin/clatter
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/clatter ./cmd/clatter

test: unit compat ## install what the tests need and run all of them

unit: ## unit tests, without network, under two minutes
	$(GO) test ./...

race: ## unit tests under the race detector
	$(GO) test -race ./...

lint: vet verify cross $(GOLANGCI) ## go vet, golangci-lint (arrows, sizes, bans), module checksums, cross builds, patches of the controls
	./compat-tests/controls.sh --check
	$(GOLANGCI) run ./...
	cd compat-tests && $(GOLANGCI) run --config ../.golangci.yml ./...

vet:
	$(GO) vet ./...
	cd compat-tests && $(GO) vet ./...

verify:
	$(GO) mod verify
	cd compat-tests && $(GO) mod verify

cross:
	@for p in $(PLATFORMS); do echo "build $$p"; \
	  GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/clatter || exit 1; done

$(GOLANGCI):
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(TOOLS)/golangci-lint $@

fuzz: ## run every fuzz target for FUZZTIME (default 30s) each
	./fuzz.sh $(or $(FUZZTIME),30s)

bench: ## micro benchmarks of the hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./...

compat: build ## foreign clients, Kafka's own tools and the judge against bin/clatter
	$(MAKE) -C compat-tests test

soak: build ## the fault bars of RELIABILITY.md in full, about three hours (BARS="R1 R12" for some)
	./compat-tests/soak.sh $(BARS)

judge-record: ## renew the judge's golden answers from a real Apache Kafka
	$(MAKE) -C compat-tests judge-record

docker: ## build the container image (there is none yet: it says so and fails)
	@echo "docker: there is no image yet; run the binary that 'make build' leaves in bin/" >&2; exit 1
