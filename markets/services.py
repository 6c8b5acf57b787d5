from markets.models import Market
def market_upsert(contract,*,is_simulated): Market.objects.update_or_create(ticker=contract.ticker,defaults=dict(close_ns=contract.close_ns,is_simulated=is_simulated))
def market_settle(ticker,*,result,settle_value): Market.objects.filter(ticker=ticker).update(result=result)
