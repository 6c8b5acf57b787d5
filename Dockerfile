# One image for web, trader, worker and beat.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 BOT_HOME=/var/lib/kalshi-bot
RUN useradd --system --create-home --home-dir /var/lib/kalshi-bot bot && chmod 0700 /var/lib/kalshi-bot
WORKDIR /app

COPY requirements.txt .
RUN pip install --no-cache-dir uv \
    && uv pip install --system --no-cache --require-hashes --only-binary :all: -r requirements.txt
COPY . .
RUN uv pip install --system --no-cache --no-deps --no-build-isolation --editable .

USER bot
VOLUME /var/lib/kalshi-bot
EXPOSE 8000
CMD ["python", "manage.py", "up"]
