# `make help` lists the targets. Everything a target needs and this machine lacks is built or installed by it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := $(CURDIR)/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Images for the test cluster. Others: make images REGISTRY=registry.example.org/team TAG=v1
REGISTRY ?= test.bulkhead.dev
TAG ?= dev

GO_BUILD := CGO_ENABLED=0 go build -trimpath \
	-ldflags '-s -w -X github.com/bulkhead-dev/bulkhead/internal/version.Version=$(VERSION)'

# Modules beside this one; each has its own go.mod.
MODULES := . test/cluster test/cluster/kube test/cluster/nodetools test/tools
# Those whose tests and lint are ours.
CODE_MODULES := . test/cluster

# --- what people use -------------------------------------------------------------------------------------------------

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^# --- / {gsub(/^# --- | -+$$/, ""); printf "\n%s\n", $$0} \
		/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: ## Show the main job on a test cluster; ARGS=--down takes it down again
	@mkdir -p $(BIN) && go build -o $(BIN)/demo ./test/demo && $(BIN)/demo $(ARGS)

.PHONY: test
test: ## Run every test this machine can run, set-up included; says at the end what was skipped and why
	@mkdir -p $(BIN) && go build -o $(BIN)/suite ./test/suite && $(BIN)/suite $(ARGS)

# --- building --------------------------------------------------------------------------------------------------------

.PHONY: build
build: ## Build static binaries of the agent and the controller into bin/
	@mkdir -p $(BIN)
	$(GO_BUILD) -o $(BIN)/bulkhead-agent ./agent
	$(GO_BUILD) -o $(BIN)/bulkhead-controller ./controller

.PHONY: images
images: build cluster-program ## Pack them into images, bin/*.tar, without a container daemon
	$(BIN)/cluster image build $(REGISTRY)/bulkhead-agent:$(TAG) $(BIN)/bulkhead-agent $(BIN)/bulkhead-agent.tar
	$(BIN)/cluster image build --user 65532:65532 \
		$(REGISTRY)/bulkhead-controller:$(TAG) $(BIN)/bulkhead-controller $(BIN)/bulkhead-controller.tar

.PHONY: generate
generate: $(BIN)/controller-gen $(BIN)/client-gen ## Write deepcopy, CRDs and the client anew from api/v1alpha1
	$(BIN)/controller-gen object paths=./api/v1alpha1
	$(BIN)/controller-gen crd paths=./api/v1alpha1 output:crd:dir=charts/bulkhead/templates/crds
	rm -rf api/client
	$(BIN)/client-gen --clientset-name client --input-base github.com/bulkhead-dev/bulkhead --input api/v1alpha1 \
		--output-dir api --output-pkg github.com/bulkhead-dev/bulkhead/api --go-header-file /dev/null

.PHONY: clean
clean: ## Remove bin/
	rm -rf $(BIN)

# --- checking --------------------------------------------------------------------------------------------------------

.PHONY: fmt
fmt: ## Format all Go files
	@gofmt -w $$(git ls-files -co --exclude-standard '*.go')

.PHONY: lint
lint: $(BIN)/golangci-lint ## Run the linters of .golangci.yml
	@status=0; for module in $(CODE_MODULES); do \
		echo "lint $$module"; (cd $$module && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...) || status=1; \
	done; exit $$status

.PHONY: verify
verify: verify-fmt verify-generate verify-tidy verify-chart lint ## No diff after fmt, generate and tidy; the chart loads; lint

.PHONY: verify-fmt
verify-fmt:
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; fi
	@go vet -tags integration,e2e,daemons,matrix ./...
	@cd test/cluster && go vet ./...

# Generated into a copy, so that the working tree stays as it is.
.PHONY: verify-generate
verify-generate: $(BIN)/controller-gen $(BIN)/client-gen
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && \
	git ls-files -co --exclude-standard -- go.mod go.sum Makefile api charts test/tools/go.mod | while read -r file; do \
		if [ -e "$$file" ]; then mkdir -p "$$copy/$$(dirname "$$file")" && cp -p "$$file" "$$copy/$$file"; fi; done && \
	$(MAKE) -C "$$copy" BIN=$(BIN) generate >/dev/null && \
	for dir in api charts/bulkhead/templates/crds; do \
		diff -r "$$dir" "$$copy/$$dir" || { echo "$$dir is not what make generate writes"; exit 1; }; done

.PHONY: verify-tidy
verify-tidy:
	@for module in $(MODULES); do (cd $$module && go mod tidy -diff) || { echo "$$module: run go mod tidy"; exit 1; }; done

.PHONY: verify-chart
verify-chart: cluster-build
	@go test ./charts/...

.PHONY: presubmit
presubmit: verify test ## What a change must pass: verify, lint, test

# --- tests, one kind at a time ---------------------------------------------------------------------------------------

.PHONY: test-unit
test-unit: ## Tables, properties, scenarios, loops and fixtures: no cluster
	go test -race -shuffle=on ./...
	cd test/cluster && go test -race ./...

.PHONY: test-integration
test-integration: cluster-build build ## Against a real etcd and kube-apiserver
	go test -tags integration -count=1 -timeout 20m ./test/integration/...

.PHONY: test-e2e
test-e2e: cluster-build images ## On real nodes, installed by the chart; ARGS='-run TestName -v'
	go test -tags e2e -count=1 -timeout 40m -v ./test/e2e/... $(ARGS)

.PHONY: test-daemons
test-daemons: cluster-build ## The checks against real daemons, in namespaces of their own; as root
	go test -tags daemons -count=1 -timeout 10m ./agent/check/...

.PHONY: test-matrix
test-matrix: cluster-build images ## Break everything an agent looks at, on real nodes; ARGS='-run /n2/ovs' or -results
	go test -tags matrix -count=1 -parallel=4 -timeout 40m -v ./test/matrix/... $(ARGS)

.PHONY: mutants
mutants: ## Show that each guard is tested: remove it, and its test must fail; ARGS=word for some
	go run ./test/mutants $(ARGS)

FUZZTIME ?= 20s
.PHONY: fuzz
fuzz: ## Run each fuzz test for FUZZTIME (20s)
	@{ grep -rlE '^func Fuzz' --include='*_test.go' agent api controller internal || true; } | xargs -r -n 1 dirname | sort -u | \
	while read -r package; do \
		for target in $$(grep -rhoE '^func Fuzz[A-Za-z0-9_]*' "$$package"/*_test.go | cut -c 6-); do \
			echo "fuzz ./$$package $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$package"; done; done

# --- measurements and long runs; results are committed under docs/results --------------------------------------------

.PHONY: bench
bench: ## Benchmarks of the code itself
	go test -run '^$$' -bench . -benchmem ./agent/... ./controller/... ./internal/...

.PHONY: bench-isolation
bench-isolation: cluster-build images ## Fault to taint, to Terminating and to replacements, per fault, beside Kubernetes alone
	go run ./test/bench/isolation $(ARGS)

.PHONY: bench-checks
bench-checks: cluster-build images ## Each look beside the command the sources ran; fault to finding; what the agent uses
	go run ./test/bench/checks $(ARGS)

SOAK ?= 2h
.PHONY: soak
soak: cluster-build images ## 30 busy minutes without a finding, then the end-to-end tests again and again for SOAK (2h)
	go test -tags matrix -count=1 -timeout 1h -v -run TestQuiet ./test/matrix -quiet=30m
	@end=$$(( $$(date +%s) + $$(echo $(SOAK) | sed 's/h$$/*3600/; s/m$$/*60/; s/s$$//') )); round=0; \
	while [ "$$(date +%s)" -lt "$$end" ]; do round=$$((round + 1)); echo "soak round $$round"; \
		go test -tags e2e -count=1 -timeout 40m -shuffle=on ./test/e2e/...; done; echo "soak passed, $$round rounds"

# --- the test cluster ------------------------------------------------------------------------------------------------

N ?= 3
.PHONY: cluster-up
cluster-up: cluster-build ## Bring a cluster of N real nodes up (3)
	$(BIN)/cluster up --nodes=$(N)

.PHONY: cluster-down
cluster-down: cluster-program ## Take it down, whatever is left of it
	$(BIN)/cluster down

.PHONY: cluster-status
cluster-status: cluster-program ## Show it
	@$(BIN)/cluster status

.PHONY: kubectl
kubectl: cluster-program ## Run kubectl on it: make kubectl ARGS='get nodehealth'
	@$(BIN)/cluster kubectl -- $(ARGS)

.PHONY: cluster-build
cluster-build: cluster-program ## Install packages and compile what the cluster runs; minutes when cold, nothing when warm
	@$(BIN)/cluster build

.PHONY: cluster-program
cluster-program:
	@mkdir -p $(BIN) && cd test/cluster && CGO_ENABLED=0 go build -trimpath -o $(BIN)/cluster ./cmd/cluster

# --- tools, pinned in test/tools/go.mod ------------------------------------------------------------------------------

$(BIN)/controller-gen $(BIN)/client-gen $(BIN)/golangci-lint: test/tools/go.mod
	@mkdir -p $(BIN) && echo "building $(@F)" && cd test/tools && \
	go build -trimpath -ldflags '-s -w' -o $@ $$(go list -f '{{.ImportPath}}' tool | grep '/$(@F)$$')
