# Needs python3, make and a network to the package registries; everything else is installed into
# .venv and .tools. What runs on this machine keeps its state in .local.

.DEFAULT_GOAL := help
.PHONY: help up down test test-services deployment-tools check coverage oldest package fmt docs site sdk plugin yaml clean environment

PYTHON := .venv/bin/python
WHEEL := .tools/wheel/bin
OLDEST := .tools/oldest
# What runs in this process and says something of those four; whole servers have processes of their own.
COVERED := tests/policy tests/rotation tests/lifecycle tests/plugin \
	tests/gateway/batches tests/gateway/counters tests/gateway/metering tests/gateway/store/test_booked_spend.py \
	--ignore tests/gateway/counters/test_whole_gateway.py --ignore tests/gateway/metering/test_whole_gateway.py \
	--ignore tests/gateway/metering/test_crash.py --ignore tests/gateway/metering/test_postgresql_outage.py \
	--ignore tests/lifecycle/test_rotation_states.py
ARGS ?=
export PORT

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

up: environment ## gateway and reference stack on this machine (PORT=8700)
	@$(PYTHON) setup/local_stack.py up

down: ## destroy the stack, stop the gateway
	@if [ -x $(PYTHON) ]; then $(PYTHON) setup/local_stack.py down; else echo 'Nothing is set up here.'; fi

test: environment ## the whole test suite on the built wheel, real Pulumi engine and browser included (ARGS="-k name")
	@sh setup/browser.sh
	@sh setup/test_services.sh
	@$(PYTHON) setup/yaml_host.py >/dev/null || echo 'Without it the YAML example is skipped.' >&2
	@$(PYTHON) setup/deployment_tools.py >/dev/null
	@sh setup/environment.sh wheel
	@cli=$$($(PYTHON) setup/pulumi_cli.py) && \
	PATH="$(CURDIR)/$(WHEEL):$$cli:$$PATH" $(WHEEL)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-services: ## PostgreSQL and Redis, of which the tests start their own servers (root: installs them)
	@sh setup/test_services.sh

deployment-tools: environment ## Helm, kubeconform, hadolint, Compose: what the tests judge deploy/ with
	@$(PYTHON) setup/deployment_tools.py

check: environment ## lint, format and types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet . || { echo 'Not formatted: make fmt'; exit 1; }
	@.venv/bin/mypy
	@.venv/bin/mypy setup stacks
	@.venv/bin/mypy --explicit-package-bases tests

coverage: environment ## fails where a branch of policy, rotation, lifecycle or metering is taken by no quick test
	@$(PYTHON) -m pytest -q --cov --cov-report=term $(COVERED) $(ARGS)

oldest: ## the quick tests on the lowest versions that pyproject.toml allows
	@uv=$$(sh setup/uv.sh) && "$$uv" venv --quiet --clear $(OLDEST) && \
	"$$uv" pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct \
		--editable '.[postgresql]' --group test
	@$(OLDEST)/bin/python -m pytest -q tests/policy tests/gateway/http tests/gateway/inference tests/cli $(ARGS)

package: environment ## build wheel and sdist into dist/, and try them with the oldest and newest dependencies
	@$(PYTHON) setup/package_trial.py

fmt: environment ## put the code into its format
	@.venv/bin/ruff check --fix --quiet . || true
	@.venv/bin/ruff format .

docs: environment ## write what the code knows: options and fields into docs/, the schema of access.yaml
	@$(PYTHON) setup/documentation.py
	@$(PYTHON) -m pulumi_groq.access.schema > stacks/access.schema.json

site: ## build the documentation and the Python API as a site, into .tools/site-html
	@sh setup/environment.sh site
	@NO_MKDOCS_2_WARNING=1 .tools/site/bin/mkdocs build --strict

sdk: environment ## write the plugin's schema and SDKs anew from the models
	@$(PYTHON) setup/sdk.py

plugin: environment ## pack the native plugin for `pulumi plugin install`, into dist/
	@$(PYTHON) setup/plugin_package.py

yaml: environment ## Pulumi's YAML language host alone, which `make test` brings where Go is there
	@$(PYTHON) setup/yaml_host.py

clean: down ## down, then forget the local state, its keys and all caches
	@rm -rf .local .mypy_cache .pytest_cache .ruff_cache .hypothesis stacks/Pulumi.dev.yaml.bak
	@find provider stacks setup tests -name __pycache__ -prune -exec rm -rf {} +

environment:
	@sh setup/environment.sh
