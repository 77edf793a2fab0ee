from pathlib import Path

HERE = Path(__file__).parent


def test_each_version_of_price_has_its_own_price(serve_script):
    prices = [serve_script(HERE / "price" / version / "score.py").score({"kilograms": 10}) for version in ("1", "2")]
    assert prices == [{"euros": 12.0}, {"euros": 10.5}]


def test_a_parcel_takes_its_days(serve_script):
    assert serve_script(HERE / "delivery" / "score.py").score({"parcels": [[250.0, 2.0]]}) == [3.0]
